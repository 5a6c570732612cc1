"""Reading the vectors of repository format v1: what a backup holds, and how a broken one is refused."""

import dataclasses
import hashlib
import os
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from strongroom.errors import StrongroomError
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.repository.access import open_repository
from strongroom.repository.check import check_data
from strongroom.repository.reader import BackupReader
from strongroom.repository.replica import replica_objects
from strongroom.testing.stores import MemoryStore
from strongroom.tree.content import Enter, Leave, Step
from strongroom.tree.entry import Run

REGIONS = ("home", "north", "south")
SOUND = "sound"


@contextmanager
def opened_keys(path: Path) -> Iterator[KeyFile]:
    """Load a key file from a private copy, as a checked-out file may be readable by others."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "keys.json"
        shutil.copy(path, copy)
        copy.chmod(0o600)
        yield KeyFile.load(copy)


def open_backup(store: MemoryStore, keys: Path, source: str, backup_id: uuid.UUID, region: str) -> BackupReader:
    with opened_keys(keys) as key_file:
        kek = LocalKekProvider(key_file, region, os.urandom)
        return BackupReader(open_repository(store, kek), store, kek, source, backup_id)


def describe(store: MemoryStore, keys: Path, backup_id: uuid.UUID, region: str = "home") -> dict[str, Any]:
    """Say everything a backup holds in JSON: head, tree and the SHA-256 of every content."""
    reader = open_backup(store, keys, "sample", backup_id, region)
    head = dataclasses.replace(reader.head, packs=(), tree=())
    apart = {"facts", "problems", "tables"}
    shown = {name: str(getattr(head, name)) for name in head.__slots__ if name not in apart}
    return {
        "head": {**shown, "facts": head.facts, "problems": [dataclasses.astuple(one) for one in head.problems]},
        "tree": [_shown(reader, step) for step in reader.walk()],
    }


def _shown(reader: BackupReader, step: Step) -> list[Any]:
    if isinstance(step, Leave):
        return ["leave"]
    entry = step.entry
    content = b"".join(reader.stream(entry)) if entry.extents else b""
    values = [value for value in entry.__struct_fields__ if value not in {"extents", "digest", "blocks"}]
    fields = {name: _plain(getattr(entry, name)) for name in values}
    fields["extents"] = [["run", one.length] if isinstance(one, Run) else ["hole", one.length] for one in entry.extents]
    fields["digest"] = entry.digest.hex()
    fields["sha256"] = hashlib.sha256(content).hexdigest()
    return ["enter" if isinstance(step, Enter) else "item", fields]


def _plain(value: Any) -> Any:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [[_plain(part) for part in one] for one in value]
    return value


def changed(objects: dict[str, bytes], case: dict[str, Any]) -> dict[str, bytes]:
    """Return a copy of the objects with one change made."""
    after, key = dict(objects), case["key"]
    raw = after[key]
    match case["change"]:
        case "flip":
            byte, bit = divmod(case["bit"], 8)
            after[key] = raw[:byte] + bytes([raw[byte] ^ 1 << bit]) + raw[byte + 1 :]
        case "truncate":
            after[key] = raw[: case["size"]]
        case "append":
            after[key] = raw + bytes.fromhex(case["bytes"])
        case "replace":
            after[key] = objects[case["with"]]
        case "delete":
            del after[key]
        case unknown:
            raise ValueError(unknown)
    return after


def outcome(store: MemoryStore, keys: Path, case: dict[str, Any], source: str, backup_id: uuid.UUID) -> str:
    """Use a changed repository in every way there is; return the code of the first refusal, or that all is sound."""
    broken = MemoryStore(store.region)
    broken.objects.update(changed(store.objects, case))
    try:
        reader = open_backup(broken, keys, source, backup_id, store.region)
        report = check_data(reader, on_progress=lambda done, total: None)
        if not report.passed:
            return report.damage[0].code
        with opened_keys(keys) as key_file:
            kek = LocalKekProvider(key_file, store.region, os.urandom)
            replica_objects(reader.repository, broken, kek, source, backup_id)
    except StrongroomError as error:
        return error.code
    return SOUND
