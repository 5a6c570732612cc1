"""A directory of logs that is backed up into a repository in memory, again and again."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from strongroom.repository.baseline import Baseline, Trust
from strongroom.repository.reader import BackupReader
from strongroom.repository.reference import open_parent
from strongroom.repository.writer import BackupSummary, WriteProgress
from strongroom.settings import LogsSourceSettings
from strongroom.sources.files.source import FilesSource
from strongroom.testing.stores import MemoryStore
from strongroom.tree.entry import Entry
from tests.unit.repository.room import Finished, Room, contents, entries_of


@dataclass
class Made:
    """One backup: what it is, and what it cost."""

    finished: Finished
    read: int
    stored: int

    @property
    def summary(self) -> BackupSummary:
        return self.finished.summary


class LogRoom:
    """The directory, and every backup of it stands upon the last one."""

    def __init__(self, directory: Path) -> None:
        self.room = Room()
        self.directory = directory
        self.last: Made | None = None

    def back_up(self, *, trust: Trust | None = None, upon_last: bool = True, **settings: Any) -> Made:
        last = self.last.finished.backup_id if self.last and upon_last else None
        source = FilesSource(LogsSourceSettings(name="logs", path=self.directory, allow_empty=True, **settings))
        progress: list[WriteProgress] = []
        identity = self.room.identity(parent_id=last)
        with self.room.writer(identity, on_progress=progress.append) as writer, source.open() as walk:
            writer.begin()
            home, repository = self.room.home, self.room.repository
            parents = [open_parent(repository, home, self.room.keks["home"], "db", last)] if last else []
            writer.write(walk, Baseline(home, repository.repo_id, parents, trust=trust))
            finished = Finished(identity, writer.seal(), writer.commit())
        stored = _data_bytes(home, finished)
        self.last = Made(finished, progress[-1].bytes_read, stored)
        return self.last

    def reader(self, made: Made | None = None) -> BackupReader:
        made = made or self.last
        assert made is not None
        return self.room.reader(made.finished.backup_id)

    def held(self, made: Made | None = None) -> dict[str, bytes]:
        """Return what a backup gives back, read in both ways that there are."""
        reader = self.reader(made)
        found = contents(reader)
        for name, entry in entries_of(reader.walk()).items():
            assert b"".join(reader.stream(entry)) == found[name]
        return {name.decode(): data for name, data in found.items()}

    def entry(self, name: str) -> Entry:
        return entries_of(self.reader().walk())[name.encode()]

    def there(self) -> dict[str, bytes]:
        """Return what the directory holds."""
        return {path.name: path.read_bytes() for path in self.directory.iterdir()}


def _data_bytes(home: MemoryStore, finished: Finished) -> int:
    """Return the size of the packs that the backup's own session stored, those of its tree included."""
    session = str(finished.identity.session_id)
    return sum(len(data) for key, data in home.objects.items() if key.startswith("p/") and session in key)
