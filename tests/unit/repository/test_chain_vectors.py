"""Tables of packs, tombstones and checkpoints of format v1 are frozen: read for ever, and refused when broken."""

import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from strongroom.testing.stores import MemoryStore
from tests.vectors.format_v1 import SOUND, describe, outcome
from tests.vectors.format_v1_chains import (
    REGION,
    chain_outcome,
    describe_checkpoints,
    describe_resumable,
    describe_tables,
    describe_tombstones,
    opened,
)

FOLDER = Path(__file__).parents[2] / "vectors" / "format-v1-chains"
KEYS = FOLDER / "keys.json"
EXPECTED = json.loads((FOLDER / "expected.json").read_text(encoding="utf-8"))
BROKEN: list[dict[str, Any]] = json.loads((FOLDER / "broken.json").read_text(encoding="utf-8"))
CHILD = uuid.UUID(list(EXPECTED["backups"])[1])


def stored() -> MemoryStore:
    store = MemoryStore(REGION)
    for path in sorted((FOLDER / "objects").rglob("*")):
        if path.is_file():
            store.objects[path.relative_to(FOLDER / "objects").as_posix()] = path.read_bytes()
    return store


def plain(value: Any) -> Any:
    return json.loads(json.dumps(value))


@pytest.mark.parametrize("backup_id", EXPECTED["backups"])
def test_a_frozen_backup_with_tables_of_packs_is_read(backup_id: str) -> None:
    store = stored()

    assert plain(describe(store, KEYS, uuid.UUID(backup_id))) == EXPECTED["backups"][backup_id]
    with opened(store, KEYS) as at:
        tables = describe_tables(at, EXPECTED["source"], uuid.UUID(backup_id))
    assert plain(tables) == EXPECTED["tables"][backup_id]
    assert tables["tables"]


def test_a_child_names_the_table_of_its_parent_again_where_it_needs_all_of_it() -> None:
    parent, child, same = EXPECTED["tables"].values()

    assert same["tables"] == parent["tables"] != child["tables"]
    assert len(child["packs"]) > len(parent["packs"])


def test_frozen_tombstones_are_read() -> None:
    with opened(stored(), KEYS) as at:
        assert plain(describe_tombstones(at)) == EXPECTED["tombstones"]


@pytest.mark.parametrize("session", EXPECTED["checkpoints"])
def test_frozen_checkpoints_are_read(session: str) -> None:
    with opened(stored(), KEYS) as at:
        found = describe_checkpoints(at, uuid.UUID(session))

    assert plain(found) == EXPECTED["checkpoints"][session]
    assert len(found) > 1


def test_what_a_frozen_dead_session_left_is_taken_over() -> None:
    sessions = [uuid.UUID(session) for session in EXPECTED["checkpoints"]]
    with opened(stored(), KEYS) as at:
        assert plain(describe_resumable(at, sessions)) == EXPECTED["resumable"]


def test_a_broken_variant_is_refused_as_it_always_was() -> None:
    store = stored()
    found = [{**case, "outcome": refusal(store, case)} for case in BROKEN]

    assert found == BROKEN
    assert SOUND not in {case["outcome"] for case in BROKEN}
    assert {case["key"].split("/")[0] for case in BROKEN} == {"p", "k", "x"}


def refusal(store: MemoryStore, case: dict[str, Any]) -> str:
    if case["key"].startswith("p/"):
        return outcome(store, KEYS, case, EXPECTED["source"], CHILD)
    return chain_outcome(store, KEYS, case)
