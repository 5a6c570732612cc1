"""Writes the frozen vectors of repository format v1; run once, into a folder that does not exist yet.

    python -m tests.vectors.generate_format_v1 tests/vectors/format-v1

Vectors are never generated again: a program that cannot read them cannot read what it wrote before.
"""

import hashlib
import itertools
import json
import sys
import threading
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.repository.access import create_repository
from strongroom.repository.commit import abort_session
from strongroom.repository.writer import BackupIdentity, BackupWriter, WriterOptions
from strongroom.testing.stores import MemoryStore
from strongroom.tree.content import Enter, Item, Leave, Problem, ProblemKind
from strongroom.tree.entry import Entry, EntryType
from tests.unit.repository.trees import MemoryContent, MemoryWalk, directory, file_entry
from tests.vectors.format_v1 import REGIONS, describe, outcome

SOURCE = "sample"
COMMITTED, SECOND, ABORTED = (uuid.UUID(int=number, version=4) for number in (101, 102, 103))


class FixedRandom:
    """SHAKE-256 over a counter: the same bytes every time, whichever thread asks first."""

    def __init__(self) -> None:
        self._count = itertools.count()
        self._lock = threading.Lock()

    def __call__(self, size: int) -> bytes:
        with self._lock:
            return hashlib.shake_256(b"format-v1 %d" % next(self._count)).digest(size)


class FixedClock:
    """A second passes between two looks."""

    def __init__(self) -> None:
        self._now = datetime(2026, 1, 1, tzinfo=UTC)

    def now(self) -> datetime:
        self._now += timedelta(seconds=1)
        return self._now

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        return


def noise(size: int) -> bytes:
    return hashlib.shake_256(b"noise").digest(size)


def file(name: bytes, data: bytes, holes: list[tuple[int, int]] | None = None, **fields: Any) -> Item:
    size = len(data) + sum(length for _, length in holes or [])
    entry = file_entry(name, size)
    for field, value in fields.items():
        setattr(entry, field, value)
    return Item(entry, MemoryContent(entry, data, holes or []))


def sample_walk() -> MemoryWalk:
    lines = b"".join(b"a line that compresses well %02x\n" % byte for byte in noise(25_000))
    dump = Entry(b"z.dump", EntryType.FILE, 0o600)
    return MemoryWalk(
        file(b"\xff not text", b"content of a file whose name is not UTF-8"),
        file(b"empty", b""),
        Enter(directory(b"folder")),
        file(b"duplicate", noise(60_000)),
        file(b"noise", noise(60_000)),
        Leave(),
        file(b"hard-1", b"two names", link_id=1),
        Item(Entry(b"hard-2", EntryType.FILE, 0o640, size=9, link_id=1), None),
        file(b"large", lines),
        Item(Entry(b"link", EntryType.SYMLINK, 0o777, target=b"folder/\xfe"), None),
        Item(Entry(b"pipe", EntryType.FIFO, 0o600), None),
        file(b"sparse", b"begin" + b"end", [(5, 1 << 20)]),
        Item(dump, MemoryContent(dump, lines[:900_000], replayable=False)),
        problems=[Problem("gone", ProblemKind.VANISHED, "no such file")],
    )


def write_repository(key_path: Path) -> MemoryStore:
    random, clock = FixedRandom(), FixedClock()
    keys = KeyFile.create(key_path, REGIONS, random)
    keks = {region: LocalKekProvider(keys, region, random) for region in REGIONS}
    store = MemoryStore(REGIONS[0])
    repository = create_repository({store.region: store}, dict(keks), clock=clock, random=random)
    options = WriterOptions(workers=1, uploads=1, pack_bytes=8 * 1024)
    for backup_id, walk in ((COMMITTED, sample_walk()), (SECOND, MemoryWalk(file(b"only", b"second backup")))):
        identity = BackupIdentity(SOURCE, "files", backup_id, uuid.UUID(bytes=random(16)), "full", "p", None, "w")
        with BackupWriter(
            repository,
            store,
            dict(keks),
            identity,
            options=options,
            clock=clock,
            random=random,
            on_progress=lambda _: None,
        ) as writer:
            writer.begin()
            writer.write(walk)
            writer.seal()
            writer.commit()
    fenced = BackupIdentity(SOURCE, "files", ABORTED, uuid.UUID(bytes=random(16)), "full", "p", None, "w")
    abort_session(repository, store, fenced, reason="sample", clock=clock)
    return store


def broken_variants(objects: dict[str, bytes]) -> Iterator[dict[str, Any]]:
    """Yield one change per case: flipped bits, truncations, deletions, and other objects of the same kind in place.

    Only what the first backup is made of is changed; without the key slots of other regions it is still sound.
    """
    session = next(key.split(".")[1] for key in objects if key.startswith(f"m/{SOURCE}/{SECOND.hex}."))
    for key, raw in objects.items():
        if any(other in key for other in (SECOND.hex, ABORTED.hex, session)):
            continue
        for bit in (3, len(raw) * 4 + 1, len(raw) * 8 - 6):
            yield {"change": "flip", "key": key, "bit": bit}
        for size in (0, len(raw) // 2, len(raw) - 1):
            yield {"change": "truncate", "key": key, "size": size}
        if not key.endswith(("north.v1", "south.v1")):
            yield {"change": "delete", "key": key}
        yield {"change": "append", "key": key, "bytes": "00"}
        for other in objects:
            if other != key and other.split("/")[0] == key.split("/")[0]:
                yield {"change": "replace", "key": key, "with": other}


def main(folder: Path) -> None:
    """Write objects, key file, expected content and broken variants."""
    folder.mkdir()
    store = write_repository(folder / "keys.json")
    for key, raw in store.objects.items():
        path = folder / "objects" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    backups = {str(backup_id): describe(store, folder / "keys.json", backup_id) for backup_id in (COMMITTED, SECOND)}
    (folder / "expected.json").write_text(json.dumps({"source": SOURCE, "backups": backups}, indent=1) + "\n")
    cases = [
        {**case, "outcome": outcome(store, folder / "keys.json", case, SOURCE, COMMITTED)}
        for case in broken_variants(store.objects)
    ]
    for leftover in folder.glob("keys.json.*"):
        leftover.unlink()
    (folder / "broken.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
