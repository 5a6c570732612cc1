"""Format v1 is frozen: what was written once is read for ever, and its broken variants stay refused."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from strongroom.testing.stores import MemoryStore
from tests.vectors.format_v1 import REGIONS, SOUND, describe, outcome

FOLDER = Path(__file__).parents[2] / "vectors" / "format-v1"
KEYS = FOLDER / "keys.json"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
BROKEN: list[dict[str, Any]] = json.loads((FOLDER / "broken.json").read_text(encoding="utf-8"))
BACKUP = uuid.UUID(next(iter(EXPECTED["backups"])))


def stored(region: str = "home") -> MemoryStore:
    store = MemoryStore(region)
    for path in sorted((FOLDER / "objects").rglob("*")):
        if path.is_file():
            store.objects[path.relative_to(FOLDER / "objects").as_posix()] = path.read_bytes()
    return store


@pytest.mark.parametrize("region", REGIONS)
@pytest.mark.parametrize("backup_id", EXPECTED["backups"])
def test_a_frozen_backup_is_read_with_the_key_of_any_region(backup_id: str, region: str) -> None:
    described = json.dumps(describe(stored(region), KEYS, uuid.UUID(backup_id), region))

    assert json.loads(described) == EXPECTED["backups"][backup_id]


@pytest.mark.parametrize("change", ["flip", "truncate", "delete", "append", "replace"])
def test_a_broken_variant_is_refused_as_it_always_was(change: str) -> None:
    store = stored()
    cases = [case for case in BROKEN if case["change"] == change]
    found = [{**case, "outcome": outcome(store, KEYS, case, EXPECTED["source"], BACKUP)} for case in cases]

    assert cases
    assert found == cases


def test_no_broken_variant_passes_for_sound() -> None:
    assert SOUND not in {case["outcome"] for case in BROKEN}
