"""A file written through a mapping keeps its change time until its pages are written back; no backup trusts it."""

import mmap
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.unit.repository.room import Finished, Room, SteadyClock, contents
from tests.unit.sources.trees import files_source


class LateClock(SteadyClock):
    """The real time, and so many seconds later."""

    def __init__(self, seconds: int) -> None:
        super().__init__()
        self._late = timedelta(seconds=seconds)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._late


def back_up(room: Room, path: Path, parent: Finished | None = None) -> Finished:
    with files_source(path).open() as walk:
        return room.back_up(walk) if parent is None else room.back_up_upon(parent, walk)


def test_a_file_changed_again_through_its_mapping_is_read_again(tmp_path: Path) -> None:
    room = Room(clock=LateClock(30))
    database = tmp_path / "database"
    database.write_bytes(b"a" * 8192)
    with database.open("r+b") as file, mmap.mmap(file.fileno(), 8192) as mapping:
        mapping[0] = ord("b")
        parent = back_up(room, tmp_path)
        mapping[0] = ord("c")

        made = back_up(room, tmp_path, parent)

    assert contents(room.reader(parent.backup_id))[b"database"][:1] == b"b"
    assert contents(room.reader(made.backup_id))[b"database"][:1] == b"c"
