"""How often somebody may guess: counted for each account over all its logins, before the guess is looked at."""

import hashlib
from datetime import datetime, timedelta
from math import ceil
from typing import Any, Protocol

from sqlalchemy import ColumnElement, and_, case, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from strongroom.catalog.accounts import AccountAttempts, AttemptKind
from strongroom.catalog.inserting import insert_of

Moment = InstrumentedAttribute[datetime]
Number = InstrumentedAttribute[int]

WINDOWS: tuple[tuple[Moment, Number, timedelta, int], ...] = (
    (AccountAttempts.short_began, AccountAttempts.short_count, timedelta(minutes=5), 5),
    (AccountAttempts.hour_began, AccountAttempts.hour_count, timedelta(hours=1), 20),
    (AccountAttempts.day_began, AccountAttempts.day_count, timedelta(days=1), 50),
)
"""When a window began, attempts in it, its length, and how many it takes. It begins with its first attempt."""

_NOBODIES = 4096


class AddressLimiter(Protocol):
    """Counts failed attempts of each address, for all processes; what is not given back was a failure."""

    def take(self, address: str) -> None:
        """Count an attempt.

        Raises TooManyAttemptsError, which says how long to wait, and AddressLimiterAwayError within 300 ms.
        """

    def give_back(self, address: str) -> None:
        """Count it no longer, as it was right; says nothing where that fails."""


def nobody(name: str) -> str:
    """Return whose row counts attempts at a name that no account has: one of 4,096, so that names fill no table."""
    number = int.from_bytes(hashlib.sha256(name.encode("utf-8", "surrogatepass")).digest()[:8], "big")
    return f"nobody {number % _NOBODIES}"


def take_attempt(session: Session, subject: str, kind: AttemptKind, now: datetime) -> bool:
    """Count an attempt before it is looked at; False, and nothing counted, where a window is full.

    One statement. The row stays locked until the transaction ends, so attempts of one account are looked at in turn.
    """
    insert = insert_of(session)
    values: dict[str, Any] = {"subject": subject, "kind": kind}
    changes: dict[str, Any] = {}
    room: list[ColumnElement[bool]] = []
    for began, count, length, most in WINDOWS:
        over = began <= now - length
        values |= {began.key: now, count.key: 1}
        changes |= {began.key: case((over, now), else_=began), count.key: case((over, 1), else_=count + 1)}
        room.append(over | (count < most))
    taken = insert(AccountAttempts).values(values)
    keys = [AccountAttempts.subject, AccountAttempts.kind]
    taken = taken.on_conflict_do_update(index_elements=keys, set_=changes, where=and_(*room))
    return session.scalar(taken.returning(AccountAttempts.subject)) is not None


def seconds_to_wait(session: Session, subject: str, kind: AttemptKind, now: datetime) -> int:
    """Return after how many seconds every window that is full has ended; 1 at least."""
    mine = (AccountAttempts.subject == subject, AccountAttempts.kind == kind)
    row = session.scalars(select(AccountAttempts).where(*mine)).one_or_none()
    if row is None:
        return 1
    full = [(began, length) for began, count, length, most in WINDOWS if getattr(row, count.key) >= most]
    ends: list[datetime] = [getattr(row, began.key) + length for began, length in full]
    return max([1, *(ceil((end - now).total_seconds()) for end in ends)])


def give_back(session: Session, subject: str, kind: AttemptKind) -> None:
    """Count an attempt no longer: it was right, or no guess."""
    fewer: dict[str, Any] = {count.key: case((count > 0, count - 1), else_=0) for _, count, _, _ in WINDOWS}
    mine = (AccountAttempts.subject == subject, AccountAttempts.kind == kind)
    session.execute(update(AccountAttempts).where(*mine).values(fewer))
