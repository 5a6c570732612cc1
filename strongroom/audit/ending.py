"""The end of the chain as the catalog has it, and whether that is what was written."""

import hmac
import uuid
from dataclasses import dataclass

from sqlalchemy import func, select

from strongroom.audit.findings import Finding, Flaw
from strongroom.audit.rows import FIRST, seal_of
from strongroom.audit.walking import find_mac
from strongroom.catalog.audit import HEAD_ID, AuditHead, AuditRow
from strongroom.catalog.session import Catalog


@dataclass(frozen=True, slots=True)
class End:
    """The head, and the rows there are, at one moment."""

    chain: uuid.UUID
    sequence: int
    mac: bytes
    seal: bytes
    lowest: int
    highest: int
    rows: int

    @classmethod
    def find(cls, catalog: Catalog) -> "End | None":
        """Read both in one statement, so that rows that are just appended are in both or in neither."""
        figures = (func.min(AuditRow.sequence), func.max(AuditRow.sequence), func.count())
        low, high, count = (select(figure).select_from(AuditRow).scalar_subquery() for figure in figures)
        query = select(AuditHead.chain, AuditHead.sequence, AuditHead.mac, AuditHead.seal, low, high, count)
        with catalog.read() as session:
            found = session.execute(query.where(AuditHead.id == HEAD_ID)).one_or_none()
        if found is None:
            return None
        chain, sequence, mac, seal, lowest, highest, rows = found
        return cls(chain, sequence, mac, seal, 1 if lowest is None else lowest, highest or 0, rows)

    def find_flaw(self, catalog: Catalog, key: bytes) -> Finding | None:
        """Return what is wrong with the end, given rows that are right as far as it says."""
        if self.lowest < 1:
            return Finding(Flaw.FOREIGN, self.lowest)
        if self.highest > self.sequence:
            return Finding(Flaw.APPENDED, self.sequence + 1)
        if self.highest < self.sequence:
            return Finding(Flaw.CUT_OFF, self.highest + 1)
        if self.rows != self.sequence:
            # The walk goes by the sequence, which a table without its primary key may have twice.
            return Finding(Flaw.FOREIGN, self.highest)
        return self._find_forgery(catalog, key)

    def _find_forgery(self, catalog: Catalog, key: bytes) -> Finding | None:
        if self.sequence == 0:
            return None if (self.mac, self.seal) == (FIRST, b"") else Finding(Flaw.HEAD_FORGED, 0)
        if not hmac.compare_digest(seal_of(key, self.chain, self.sequence, self.mac), self.seal):
            return Finding(Flaw.HEAD_FORGED, self.sequence)
        # The chain may have grown since; its row at this place stays what it was.
        return None if find_mac(catalog, self.sequence) == self.mac else Finding(Flaw.REWRITTEN, self.sequence)
