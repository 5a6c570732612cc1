"""Writes the frozen vectors of chains in repository format v1; run once, into a folder that does not exist yet.

    python -m tests.vectors.generate_format_v1_chains tests/vectors/format-v1-chains

A full backup with a table of packs, one upon it with a new table and one that is the same, a retired one with its
tombstone, and two attempts at another that died and left their checkpoints. Vectors are never generated again.
"""

import json
import sys
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.repository.access import create_repository
from strongroom.repository.baseline import Baseline
from strongroom.repository.layout import CHECKPOINTS, TOMBSTONES, pack_key
from strongroom.repository.reader import BackupReader
from strongroom.repository.reference import open_parent
from strongroom.repository.resuming import find_predecessors
from strongroom.repository.retiring import retire_backup
from strongroom.repository.writer import BackupIdentity, BackupWriter, WriterOptions
from strongroom.testing.stores import MemoryStore
from strongroom.tree.content import Item
from tests.unit.repository.trees import MemoryWalk, within
from tests.vectors.format_v1 import describe, outcome
from tests.vectors.format_v1_chains import (
    REGION,
    chain_outcome,
    describe_checkpoints,
    describe_resumable,
    describe_tables,
    describe_tombstones,
    opened,
)
from tests.vectors.generate_format_v1 import SOURCE, FixedClock, FixedRandom, file

FULL, CHILD, SAME, RETIRED, DEAD = (uuid.UUID(int=number, version=4) for number in (301, 302, 303, 304, 305))
SESSIONS = [uuid.uuid5(DEAD, str(attempt)) for attempt in (2, 1)]
EACH_A_PACK = WriterOptions(workers=1, uploads=1, pack_bytes=1)
LARGE = 600_000


def files(count: int, **changed: bytes) -> list[Item]:
    """Return files that compress to next to nothing, each a chunk of its own."""
    bodies = {f"{number:02}": bytes([number + 1]) * LARGE for number in range(count)}
    bodies |= {name.removeprefix("n"): body for name, body in changed.items()}
    items = [file(name.encode(), body, inode=int(name) + 1) for name, body in sorted(bodies.items())]
    return [*items, *within(b"z", file(b"small", b"text", inode=99))]


class Workshop:
    """Where the vectors are made."""

    def __init__(self, key_path: Path) -> None:
        self.random, self.clock = FixedRandom(), FixedClock()
        self.kek = LocalKekProvider(KeyFile.create(key_path, [REGION], self.random), REGION, self.random)
        self.store = MemoryStore(REGION)
        self.repository = create_repository(
            {REGION: self.store}, {REGION: self.kek}, clock=self.clock, random=self.random
        )

    def back_up(self, backup_id: uuid.UUID, steps: list[Item], parent: uuid.UUID | None = None) -> None:
        with self.attempt(backup_id, uuid.uuid5(backup_id, "1"), steps, parent) as writer:
            writer.seal()
            writer.commit()

    def attempt(
        self, backup_id: uuid.UUID, session: uuid.UUID, steps: list[Item], parent: uuid.UUID | None
    ) -> BackupWriter:
        kind = "incremental" if parent else "full"
        identity = BackupIdentity(SOURCE, "files", backup_id, session, kind, "p", parent, "w")
        writer = BackupWriter(
            self.repository,
            self.store,
            {REGION: self.kek},
            identity,
            options=EACH_A_PACK,
            clock=self.clock,
            random=self.random,
            on_progress=lambda _: None,
        )
        with writer:
            writer.begin()
            earlier = [one for one in SESSIONS if one != session]
            references = find_predecessors(self.repository, self.store, self.kek, identity, earlier)
            if parent is not None:
                references.append(open_parent(self.repository, self.store, self.kek, SOURCE, parent))
            writer.write(MemoryWalk(*steps), Baseline(self.store, self.repository.repo_id, references))
        return writer


def write_repository(key_path: Path) -> MemoryStore:
    shop = Workshop(key_path)
    shop.back_up(FULL, files(18))
    shop.back_up(CHILD, files(18, n30=b"\x77" * LARGE), FULL)
    shop.back_up(SAME, files(18), FULL)
    shop.back_up(RETIRED, files(1))
    retire_backup(shop.repository, shop.store, SOURCE, RETIRED, reason="older than it may be", clock=shop.clock)
    shop.attempt(DEAD, SESSIONS[1], files(18, n40=b"\x81" * LARGE, n41=b"\x82" * LARGE), FULL)
    shop.attempt(DEAD, SESSIONS[0], files(18, n40=b"\x81" * LARGE, n42=b"\x83" * LARGE, n43=b"\x84" * LARGE), FULL)
    return shop.store


def broken_variants(objects: dict[str, bytes], keys: list[str], table: str) -> Iterator[dict[str, Any]]:
    """Yield changes of a table, tombstones and checkpoints."""
    for key in [table, *keys]:
        raw = objects[key]
        for bit in (3, 70, len(raw) * 4 + 1, len(raw) * 8 - 6):
            yield {"change": "flip", "key": key, "bit": bit}
        for size in (0, len(raw) // 2, len(raw) - 1):
            yield {"change": "truncate", "key": key, "size": size}
        yield {"change": "append", "key": key, "bytes": "00"}
        for other in objects if key == table else keys:
            if other != key and other.split("/")[0] == key.split("/")[0]:
                yield {"change": "replace", "key": key, "with": other}


def main(folder: Path) -> None:
    """Write objects, key file, expected content and broken variants."""
    folder.mkdir()
    keys = folder / "keys.json"
    store = write_repository(keys)
    for key, raw in store.objects.items():
        path = folder / "objects" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(raw)
    with opened(store, keys) as at:
        expected = {
            "source": SOURCE,
            "backups": {str(one): describe(store, keys, one) for one in (FULL, CHILD, SAME)},
            "tables": {str(one): describe_tables(at, SOURCE, one) for one in (FULL, CHILD, SAME)},
            "tombstones": describe_tombstones(at),
            "checkpoints": {str(one): describe_checkpoints(at, one) for one in SESSIONS},
            "resumable": describe_resumable(at, SESSIONS),
        }
        head = BackupReader(at.repository, at.store, at.kek, SOURCE, CHILD).head
    (folder / "expected.json").write_text(json.dumps(expected, indent=1) + "\n")
    pack = next(pack for pack in head.packs if pack.ordinal == head.tables[0].pack)
    table = pack_key(pack.session_id, pack.sha256)
    others = [key for key in store.objects if key.startswith((CHECKPOINTS, TOMBSTONES))]
    cases = [
        {
            **case,
            "outcome": outcome(store, keys, case, SOURCE, CHILD)
            if case["key"] == table
            else chain_outcome(store, keys, case),
        }
        for case in broken_variants(store.objects, others, table)
    ]
    for leftover in folder.glob("keys.json.*"):
        leftover.unlink()
    (folder / "broken.json").write_text("[\n" + ",\n".join(json.dumps(case) for case in cases) + "\n]\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
