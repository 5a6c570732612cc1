"""Walking the rows: each one against the one before it, in batches, so that memory does not grow with the log."""

import hmac
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select

from strongroom.audit.findings import Finding, Flaw
from strongroom.audit.rows import FIELDS, FIRST, mac_of
from strongroom.catalog.audit import AuditRow
from strongroom.catalog.session import Catalog

BATCH = 5_000
MOST_SEARCHED = 100_000
"""How many rows are searched for one that changed places."""
_COLUMNS = [getattr(AuditRow, name) for name in FIELDS] + [AuditRow.mac]


@dataclass(slots=True)
class Walk:
    """A walk over rows `first` to `last`; `marks` are the sequences whose MACs somebody wants to compare."""

    catalog: Catalog
    key: bytes
    first: int
    last: int
    marks: frozenset[int] = frozenset()
    rows: int = 0
    mac: bytes = FIRST
    """Of the last row that was right."""
    seen: dict[int, bytes] = field(default_factory=dict)

    def run(self) -> Finding | None:
        """Return the first row that is wrong; raises CatalogUnavailableError."""
        if self.first > 1:
            before = find_mac(self.catalog, self.first - 1)
            if before is None:
                return Finding(Flaw.REMOVED, self.first - 1)
            self.mac = before
        for batch in read_batches(self.catalog, self.first, self.last):
            if (finding := self._check(batch)) is not None:
                return finding
        expected = self.first + self.rows
        return Finding(Flaw.CUT_OFF, expected) if expected <= self.last else None

    def _check(self, batch: Sequence[Sequence[Any]]) -> Finding | None:
        mac, expected = self.mac, self.first + self.rows
        for row in batch:
            *values, kept = row
            if values[0] != expected:
                return Finding(Flaw.REMOVED, expected)
            if not hmac.compare_digest(made := mac_of(self.key, mac, values), kept):
                return Finding(self._diagnose(mac, values, kept, made), expected)
            if expected in self.marks:
                self.seen[expected] = kept
            mac, expected = kept, expected + 1
        self.mac, self.rows = mac, expected - self.first
        return None

    def _diagnose(self, previous: bytes, values: Sequence[Any], kept: bytes, made: bytes) -> Flaw:
        """Say what was done to a row that does not fit: the rows after it know."""
        wrong = values[0]
        for batch in read_batches(self.catalog, wrong + 1, wrong + MOST_SEARCHED):
            for *later, mac in batch:
                if later[0] == wrong + 1 and any(mac_of(self.key, link, later) == mac for link in (kept, made)):
                    return Flaw.EDITED
                if mac_of(self.key, previous, [wrong, *later[1:]]) == mac:
                    return Flaw.SWAPPED
        return Flaw.FOREIGN


def read_batches(catalog: Catalog, first: int, last: int) -> Iterator[Sequence[Sequence[Any]]]:
    """Yield rows from `first` to `last`, each batch in a transaction of its own; values in the order of FIELDS, MAC."""
    while first <= last:
        query = select(*_COLUMNS).where(AuditRow.sequence >= first, AuditRow.sequence <= last)
        with catalog.read() as session:
            batch = session.connection().execute(query.order_by(AuditRow.sequence).limit(BATCH)).all()
        if not batch:
            return
        yield batch
        first = batch[-1][0] + 1


def find_mac(catalog: Catalog, sequence: int) -> bytes | None:
    """Return the MAC of one row as it is stored, if the row is there."""
    with catalog.read() as session:
        return session.scalar(select(AuditRow.mac).where(AuditRow.sequence == sequence))
