"""Ways to damage bytes, and the errors that damage may end in."""

import random
from collections.abc import Iterator

from strongroom.repository.errors import (
    MissingObjectError,
    TamperedError,
    TruncatedError,
    UnknownVersionError,
    WrongKeyError,
)

REFUSALS = (TamperedError, TruncatedError, UnknownVersionError)
ANY_REFUSAL = (*REFUSALS, MissingObjectError, WrongKeyError)


def flip(raw: bytes, bit: int) -> bytes:
    changed = bytearray(raw)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def flips(raw: bytes, count: int, seed: int = 3) -> Iterator[bytes]:
    """Yield copies with one bit changed: every bit of the first and last 160 bytes, and a sample of the others."""
    bits = {*range(min(len(raw), 160) * 8), *range(max(0, len(raw) - 160) * 8, len(raw) * 8)}
    bits.update(random.Random(seed).sample(range(len(raw) * 8), min(count, len(raw) * 8)))
    return (flip(raw, bit) for bit in sorted(bits))


def cuts(raw: bytes, count: int, seed: int = 3) -> Iterator[bytes]:
    """Yield beginnings of raw: the shortest and longest ones, and a sample of the others."""
    ends = {0, 1, len(raw) - 1, len(raw) - 16, *random.Random(seed).sample(range(len(raw)), min(count, len(raw)))}
    return (raw[:end] for end in sorted(ends) if 0 <= end < len(raw))
