"""Checking the audit log: rows, head, and the heads that regions have kept."""

import hmac
import logging
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from strongroom.audit.accepting import NOTHING_ACCEPTED, Acceptances, LostHead, has_acceptances, read_acceptances
from strongroom.audit.ending import End
from strongroom.audit.errors import AuditBrokenError
from strongroom.audit.findings import Finding, Flaw
from strongroom.audit.heads import HeadName, list_heads, verify_head
from strongroom.audit.rows import FIRST
from strongroom.audit.walking import Walk, find_mac
from strongroom.catalog.session import Catalog
from strongroom.errors import StrongroomError
from strongroom.purposekeys.keys import Purpose, PurposeKeys
from strongroom.storage.store import Store

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Span:
    """Which rows are walked over; without an end, all up to the head."""

    first: int = 1
    last: int | None = None


WHOLE = (Span(),)


@dataclass(frozen=True, slots=True)
class KeptHeads:
    """The heads that regions have kept; a region that does not answer is away."""

    found: Mapping[str, Sequence[HeadName]]
    away: Mapping[str, StrongroomError]
    acceptances: Acceptances = NOTHING_ACCEPTED
    """What is known to be gone, and so is not among `found`."""

    @classmethod
    def read(cls, stores: Mapping[str, Store]) -> "KeptHeads":
        """List every region; one that does not answer keeps no other from being listed."""
        found: dict[str, Sequence[HeadName]] = {}
        away: dict[str, StrongroomError] = {}
        for region in stores:
            try:
                found[region] = list(list_heads(stores[region]))
            except StrongroomError as error:
                away[region] = error
        return cls(found, away)

    def without(self, acceptances: Acceptances) -> "KeptHeads":
        """Return what is left to be compared when exactly the heads that were accepted are passed over."""
        gone = acceptances.heads
        found = {
            region: [name for name in names if LostHead(name.sequence, name.mac) not in gone]
            for region, names in self.found.items()
        }
        return KeptHeads(found, self.away, acceptances)

    def of(self, chain: uuid.UUID) -> Iterator[tuple[str, Sequence[HeadName]]]:
        """Yield each region that answers with the heads of a chain, oldest first."""
        return ((region, [name for name in names if name.chain == chain]) for region, names in self.found.items())


@dataclass(frozen=True, slots=True)
class Checked:
    """What a check has looked at, and the first thing it found wrong."""

    kept: KeptHeads
    end: End | None
    rows: int = 0
    """How many were walked over."""
    finding: Finding | None = None
    strays: Sequence[str] = field(default_factory=list)
    """What stands in regions and proves nothing, in words."""
    lost: Sequence[LostHead] = ()
    """Ends of the chain that regions have kept and the catalog has not, oldest first; none where more is wrong."""

    def verify(self) -> None:
        """Return if nothing is wrong; raises AuditBrokenError."""
        if self.finding is not None:
            next_step = "Keep the database as it is, and find out who could write to it: docs/audit.md says how."
            if self.lost:
                next_step += (
                    " Where an older catalog was put back on purpose: "
                    f"strongroom audit accept {self.lost[-1].name} --reason TEXT"
                )
            raise AuditBrokenError(
                f"The audit log is not what was written. {self.finding.words}",
                next_step=next_step,
                flaw=self.finding.flaw.value,
                sequence=self.finding.sequence,
            )


@dataclass(frozen=True, slots=True)
class AuditLog:
    """What checks work with."""

    catalog: Catalog
    keys: PurposeKeys
    stores: Mapping[str, Store]

    def key(self) -> bytes:
        """Return the key of the MACs; raises as PurposeKeys.get."""
        return self.keys.get(Purpose.AUDIT).reveal()

    def read_kept(self) -> KeptHeads:
        """Return the heads that regions have kept, without those whose loss was accepted; raises as check."""
        kept = KeptHeads.read(self.stores)
        if not has_acceptances(self.catalog):
            return kept
        return kept.without(read_acceptances(self.catalog, self.key()))

    def find_proven(self, kept: KeptHeads, end: End) -> int:
        """Return the last row that an earlier check has seen, as the newest head of a region proves; 0 for none."""
        newest = [(region, names[-1]) for region, names in kept.of(end.chain) if names]
        for region, name in sorted(newest, key=lambda one: one[1].sequence, reverse=True):
            if name.sequence <= end.sequence and self._agrees(region, name):
                return name.sequence
        return 0

    def _agrees(self, region: str, name: HeadName) -> bool:
        try:
            verify_head(self.stores[region], self.key(), name)
        except StrongroomError as error:
            log.warning("a kept head of the audit log proves nothing: %s", error.what)
            return False
        return find_mac(self.catalog, name.sequence) == name.mac

    def check_new(self) -> Checked:
        """Check the rows that came after the newest head that a region has kept; raises as check."""
        kept, end = self.read_kept(), End.find(self.catalog)
        return self.check(kept, () if end is None else (Span(self.find_proven(kept, end) + 1),))

    def check_whole(self) -> Checked:
        """Check every row; raises as check."""
        return self.check(self.read_kept())

    def check(self, kept: KeptHeads, spans: Sequence[Span] = WHOLE) -> Checked:
        """Walk over rows, look at the head, compare both with what was kept; raises CatalogUnavailableError.

        The first row of a span that begins later is checked against the one before it as that is stored. `kept` is read
        before, so that no region can know a later end than the catalog does. Raises as PurposeKeys.get.
        """
        end = End.find(self.catalog)
        if end is None:
            return Checked(kept, None, finding=Finding(Flaw.HEAD_MISSING, 0))
        comparison = _Comparison(self, end, kept)
        rows, finding, seen = 0, None, dict[int, bytes]()
        for span in spans:
            last = min(end.sequence if span.last is None else span.last, end.sequence)
            walk = Walk(self.catalog, self.key(), span.first, last, comparison.marks())
            finding = finding or walk.run()
            rows, seen = rows + walk.rows, seen | walk.seen
        finding = finding or end.find_flaw(self.catalog, self.key())
        against = [] if finding is not None else list(comparison.contradictions(seen))
        lost = sorted({head for _, head in against})
        finding = finding or (against[0][0] if against else None)
        return Checked(kept, end, rows, finding, comparison.strays, lost)


@dataclass(frozen=True, slots=True)
class _Comparison:
    """The catalog's rows and head beside what regions have kept of them."""

    log: AuditLog
    end: End
    kept: KeptHeads
    strays: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        for row in self.kept.acceptances.forged:
            self.strays.append(f"Row {row} says that a break was accepted, and was not written by Strongroom.")

    def marks(self) -> frozenset[int]:
        return frozenset(name.sequence for _, names in self.kept.of(self.end.chain) for name in names)

    def contradictions(self, seen: Mapping[int, bytes]) -> Iterator[tuple[Finding, LostHead]]:
        """Compare the newest head of each region, and every one whose row was walked over; yield what contradicts."""
        for region, names in self.kept.of(self.end.chain):
            for name in names:
                flaw = self._contradiction(name, seen, newest=name is names[-1])
                if flaw is not None and self._is_proven(region, name):
                    first = self.end.sequence + 1 if flaw is Flaw.ROLLED_BACK else name.sequence
                    yield Finding(flaw, first, region), LostHead(name.sequence, name.mac)

    def _contradiction(self, name: HeadName, seen: Mapping[int, bytes], *, newest: bool) -> Flaw | None:
        if name.sequence > self.end.sequence:
            return Flaw.ROLLED_BACK
        mac = seen.get(name.sequence)
        if mac is None and newest:
            mac = FIRST if name.sequence == 0 else find_mac(self.log.catalog, name.sequence) or b""
        return None if mac is None or hmac.compare_digest(mac, name.mac) else Flaw.REWRITTEN

    def _is_proven(self, region: str, name: HeadName) -> bool:
        try:
            verify_head(self.log.stores[region], self.log.key(), name)
        except StrongroomError as error:
            self.strays.append(error.what)
            return False
        return True
