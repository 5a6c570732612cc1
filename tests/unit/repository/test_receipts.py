"""Receipts of format v1 are frozen: read for ever, and refused when a single bit is another."""

import uuid
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.errors import StrongroomError
from strongroom.repository.errors import TamperedError
from strongroom.repository.shredding import DestroyedSlot, find_receipt, read_receipt
from tests.unit.repository.damage import flip
from tests.unit.repository.test_chain_vectors import KEYS, stored
from tests.vectors.format_v1_chains import opened

RAW = (Path(__file__).parents[2] / "vectors" / "format-v1-receipt" / "receipt").read_bytes()
BACKUP = uuid.UUID("0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d")
AT = datetime(2026, 11, 21, 3, 4, 5, tzinfo=UTC)
SLOT = f"keys/{BACKUP.hex}/{uuid.UUID(int=7).hex}."


def test_a_frozen_receipt_is_read() -> None:
    store = stored()
    store.objects[f"e/db/{BACKUP.hex}"] = RAW
    with opened(store, KEYS) as at:
        receipt = find_receipt(at.repository, store, "db", BACKUP)
    assert receipt is not None
    assert (receipt.policy, receipt.reason) == ("critical-data", "no rule of critical-data keeps it")
    assert (receipt.expired_at, receipt.not_reached) == (AT, ("gone",))
    assert [(one.region, one.destroyed_at, one.count) for one in receipt.regions] == [("away", AT, 1), ("home", AT, 2)]
    assert receipt.regions[0].slots == (DestroyedSlot(f"{SLOT}away.v1", "3/L4kqtJlcpXroDTDmJ+rmSpXd3dIbrHY"),)
    assert receipt.regions[1].slots == (DestroyedSlot(f"{SLOT}away.v1"), DestroyedSlot(f"{SLOT}home.v1"))


@pytest.mark.parametrize("bit", range(0, len(RAW) * 8, 509))
def test_a_receipt_with_a_flipped_bit_is_refused(bit: int) -> None:
    with opened(stored(), KEYS) as at, pytest.raises(StrongroomError):
        read_receipt(at.repository, flip(RAW, bit), "db", BACKUP)


def test_a_receipt_does_not_pass_for_that_of_another_backup() -> None:
    with opened(stored(), KEYS) as at, pytest.raises(TamperedError, match="another backup"):
        read_receipt(at.repository, RAW, "db", uuid.UUID(int=1))
