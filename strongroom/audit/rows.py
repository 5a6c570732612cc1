"""The format of a row, version 1: what its MAC is over, and what the seal of the head is over.

Each part is written as its length in bytes (8, big endian) and its bytes, so that no two rows are written alike. The
MAC of a row is HMAC-SHA-256 over `strongroom audit-row 1`, the MAC of the row before (32 zero bytes for the first), and
the columns in the order of FIELDS as UTF-8: the sequence in decimal, the time as `2026-11-22T05:49:15.123456+00:00`.
The seal of the head is over `strongroom audit-head 1`, the chain's id as 16 bytes, the sequence in decimal and the MAC.
"""

import hmac
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import chain
from typing import Any

FIELDS = (
    "sequence",
    "at",
    "actor_kind",
    "actor_id",
    "actor_name",
    "address",
    "operation",
    "action",
    "target",
    "outcome",
    "reason",
    "request_id",
    "trace_id",
    "before_digest",
    "after_digest",
)
FIRST = bytes(32)
"""What stands for the MAC of the row before the first."""
_ROW, _HEAD = b"strongroom audit-row 1", b"strongroom audit-head 1"


def mac_of(key: bytes, previous: bytes, values: Sequence[Any]) -> bytes:
    """Return the MAC of a row, given its values in the order of FIELDS and the MAC of the row before."""
    sequence, at, *texts = values
    parts = [str(sequence), write_moment(at), *texts]
    return framed_mac(key, _ROW, previous, *(part.encode() for part in parts))


def seal_of(key: bytes, chain_id: uuid.UUID, sequence: int, mac: bytes) -> bytes:
    """Return the seal of the head."""
    return framed_mac(key, _HEAD, chain_id.bytes, str(sequence).encode(), mac)


def write_moment(at: datetime) -> str:
    """Return a moment to the microsecond, in UTC."""
    return at.astimezone(UTC).isoformat(timespec="microseconds")


def framed_mac(key: bytes, *parts: bytes) -> bytes:
    """Return HMAC-SHA-256 over parts, each after its length."""
    framed = chain.from_iterable((len(part).to_bytes(8, "big"), part) for part in parts)
    return hmac.digest(key, b"".join(framed), "sha256")
