"""Accepting that rows are gone, as after an older catalog was put back: a statement in the chain, for ever.

A head that a region has kept and the catalog has not is evidence. Accepting takes nothing of it away: it says in a row
which head it is, who knows why, and when. Checks pass over exactly that head from then on, and go on naming it.
"""

import hmac
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from strongroom.audit.events import AuditAction, Outcome
from strongroom.audit.rows import FIELDS, FIRST, mac_of
from strongroom.audit.walking import find_mac
from strongroom.catalog.audit import AuditRow
from strongroom.catalog.session import Catalog

_TARGET = re.compile(r"\Arow ([0-9]{1,18})\Z")
_SHOWN = 16
"""Digits of a MAC that people are asked to repeat."""


@dataclass(frozen=True, slots=True, order=True)
class LostHead:
    """An end of the chain that a region has kept, and that the catalog does not have."""

    sequence: int
    mac: bytes

    @property
    def name(self) -> str:
        """Return what people call it by: the number of its row, and the first digits of that row's MAC."""
        return f"{self.sequence}.{self.mac.hex()[:_SHOWN]}"

    @property
    def target(self) -> str:
        """Return the target of the row that accepts it; the MAC is the digest before."""
        return f"row {self.sequence}"


@dataclass(frozen=True, slots=True)
class Acceptance:
    """A row of the chain which says that a head is gone, and that somebody knows why."""

    row: int
    at: datetime
    by: str
    reason: str
    lost: LostHead


@dataclass(frozen=True, slots=True)
class Acceptances:
    """What was accepted, oldest first, and the rows that say so and that nobody here wrote."""

    proven: Sequence[Acceptance] = ()
    forged: Sequence[int] = ()

    @property
    def heads(self) -> frozenset[LostHead]:
        """Return the heads that are known to be gone."""
        return frozenset(one.lost for one in self.proven)


def has_acceptances(catalog: Catalog) -> bool:
    """Say whether anything was ever accepted, for which no key is needed."""
    with catalog.read() as session:
        return session.scalar(select(AuditRow.sequence).where(*_SAYING_SO).limit(1)) is not None


def read_acceptances(catalog: Catalog, key: bytes) -> Acceptances:
    """Return what was accepted in this chain; each row is checked against the one before it."""
    with catalog.read() as session:
        rows = session.scalars(select(AuditRow).where(*_SAYING_SO).order_by(AuditRow.sequence)).all()
    proven = {row.sequence: lost for row in rows if (lost := _find_lost(row)) and _is_ours(catalog, key, row)}
    return Acceptances(list(_acceptances(rows, proven)), [row.sequence for row in rows if row.sequence not in proven])


def _acceptances(rows: Sequence[AuditRow], proven: dict[int, LostHead]) -> Iterator[Acceptance]:
    for row in rows:
        if row.sequence in proven:
            yield Acceptance(row.sequence, row.at, row.actor_name, row.reason, proven[row.sequence])


def _find_lost(row: AuditRow) -> LostHead | None:
    named = _TARGET.match(row.target)
    try:
        mac = bytes.fromhex(row.before_digest)
    except ValueError:
        return None
    return LostHead(int(named[1]), mac) if named is not None and mac else None


def _is_ours(catalog: Catalog, key: bytes, row: AuditRow) -> bool:
    previous = FIRST if row.sequence == 1 else find_mac(catalog, row.sequence - 1)
    if previous is None:
        return False
    return hmac.compare_digest(mac_of(key, previous, [getattr(row, name) for name in FIELDS]), row.mac)


_SAYING_SO = (AuditRow.action == AuditAction.BREAK_ACCEPTED, AuditRow.outcome == Outcome.DONE)

NOTHING_ACCEPTED = Acceptances()
