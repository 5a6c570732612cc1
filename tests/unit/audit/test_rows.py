"""The format of rows and heads is frozen: the vectors were made without the code that is tested."""

import json
import uuid
from datetime import datetime, timedelta, timezone
from itertools import pairwise
from typing import Any

import pytest

from strongroom.audit.errors import KeptHeadForgedError
from strongroom.audit.heads import Head, keep_head, list_heads, verify_head
from strongroom.audit.rows import FIELDS, FIRST, mac_of, seal_of, write_moment
from strongroom.testing.stores import MemoryStore
from tests.policy.project import ROOT

VECTORS: dict[str, Any] = json.loads((ROOT / "tests/vectors/audit/format-v1.json").read_text(encoding="utf-8"))
KEY = bytes.fromhex(VECTORS["key"])
ROWS = [
    [int(row["values"][0]), datetime.fromisoformat(row["values"][1]), *row["values"][2:]] for row in VECTORS["rows"]
]
MACS = [bytes.fromhex(row["mac"]) for row in VECTORS["rows"]]
HEAD = Head(uuid.UUID(VECTORS["head"]["chain"]), 3, MACS[-1], datetime.fromisoformat(VECTORS["kept"]["at"]))


def test_every_row_has_the_mac_it_had() -> None:
    assert [mac_of(KEY, before, row) for before, row in zip([FIRST, *MACS], ROWS, strict=False)] == MACS


def test_the_head_has_the_seal_it_had() -> None:
    assert seal_of(KEY, HEAD.chain, HEAD.sequence, HEAD.mac).hex() == VECTORS["head"]["seal"]


def test_a_kept_head_has_the_name_and_the_content_it_had() -> None:
    store = MemoryStore("eu")

    keep_head(store, KEY, HEAD)
    keep_head(store, KEY, HEAD)

    assert {name: body.decode() for name, body in store.objects.items()} == {
        VECTORS["kept"]["name"]: VECTORS["kept"]["content"]
    }
    [name] = list_heads(store)
    verify_head(store, KEY, name)


@pytest.mark.parametrize(
    "content", [b"", b"{}", b"[]", b"\xff", b'{"at": 3, "seal": "00"}', b'{"at": "x", "seal": "00"}']
)
def test_a_kept_head_that_is_none_proves_nothing(content: bytes) -> None:
    store = MemoryStore("eu")
    store.objects[VECTORS["kept"]["name"]] = content
    [name] = list_heads(store)

    with pytest.raises(KeptHeadForgedError):
        verify_head(store, KEY, name)


def test_another_key_proves_no_head() -> None:
    store = MemoryStore("eu")
    keep_head(store, KEY, HEAD)
    [name] = list_heads(store)

    with pytest.raises(KeptHeadForgedError):
        verify_head(store, KEY[::-1], name)


def test_no_two_rows_are_written_alike() -> None:
    row = ROWS[0]
    shifted = [[*row[:at], row[at] + row[at + 1], "", *row[at + 2 :]] for at in range(2, len(FIELDS) - 1)]
    macs = {mac_of(KEY, FIRST, one) for one in (row, *shifted)}

    # What moves from one field to its neighbour shows, wherever there is something to move.
    assert len(macs) == 1 + sum(left + right != left for left, right in pairwise(row[2:]))


def test_a_moment_is_written_alike_wherever_its_clock_stands() -> None:
    at = datetime(2026, 11, 22, 6, 49, 15, 5, tzinfo=timezone(timedelta(hours=1)))

    assert write_moment(at) == "2026-11-22T05:49:15.000005+00:00"
