"""Identifiers: UUID version 7, so that they sort by the time they were made."""

import uuid
from datetime import UTC, datetime

from strongroom.clock import Clock, RandomBytes
from strongroom.errors import InvalidInputError


class InvalidIdError(InvalidInputError):
    """The text is not an identifier Strongroom makes."""

    code = "ids.invalid"


def new_id(clock: Clock, random: RandomBytes) -> uuid.UUID:
    """Make a UUIDv7 of now: 48 bits of milliseconds, 74 random bits (RFC 9562, section 5.7)."""
    return id_at(clock.now(), random)


def id_at(moment: datetime, random: RandomBytes) -> uuid.UUID:
    """Make a UUIDv7 of a moment, for what is given the time but no clock."""
    milliseconds = int(moment.timestamp() * 1000) & ((1 << 48) - 1)
    noise = int.from_bytes(random(10), "big")
    value = milliseconds << 80 | 0x7 << 76 | (noise >> 62 & 0xFFF) << 64 | 0b10 << 62 | noise & ((1 << 62) - 1)
    return uuid.UUID(int=value)


def moment_of(identifier: uuid.UUID) -> datetime:
    """Return when a UUIDv7 was made, to the millisecond."""
    return datetime.fromtimestamp((identifier.int >> 80) / 1000, UTC)


def parse_id(text: str, what: str) -> uuid.UUID:
    """Read an identifier in its usual spelling; raises InvalidIdError."""
    try:
        return uuid.UUID(text)
    except ValueError:
        raise InvalidIdError(
            f"{text[:64]!r} is not the id of {'an' if what[0] in 'aeiou' else 'a'} {what}.",
            next_step=f"Copy the {what} id from a list: 8-4-4-4-12 hexadecimal digits.",
        ) from None
