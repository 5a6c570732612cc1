"""Once a day: check the chain, and keep its head in every region and in the log."""

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime

from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.audit.ending import End
from strongroom.audit.heads import Head, keep_head
from strongroom.audit.verifying import AuditLog, Checked, KeptHeads, Span
from strongroom.clock import Clock
from strongroom.errors import StrongroomError

log = logging.getLogger(__name__)

BROKEN = "audit.broken"
OTHER_CHAIN = "audit.other_chain"
PARTS = 7
"""Rows that were checked before are walked over again in so many days, a part each day."""


@dataclass(frozen=True, slots=True)
class HeadKeeping:
    """What the daily check works with."""

    audit: AuditLog
    clock: Clock

    def keep(self) -> Sequence[str]:
        """Check what is new and a seventh of the rest, and keep the head where today's is missing; return the regions.

        A region that is away gets its head when it answers. A broken chain's head is not kept; an alert tells of it.
        Raises CatalogUnavailableError, and as PurposeKeys.get.
        """
        now, kept = self.clock.now(), self.audit.read_kept()
        end = End.find(self.audit.catalog)
        due = list(kept.found) if end is None else list(_due(kept, end, now.date()))
        for region, error in kept.away.items():
            log.warning("region %s cannot keep the head of the audit log now: %s", region, error.what)
        if not due:
            return ()
        checked = self.audit.check(kept, () if end is None else self._spans(kept, end, now.date()))
        if checked.finding is not None or checked.end is None:
            self._tell(checked, now)
            return ()
        self._tell_of_others(checked, due, now)
        return list(self._keep(checked.end, due, now))

    def _spans(self, kept: KeptHeads, end: End, today: date) -> Sequence[Span]:
        base = self.audit.find_proven(kept, end)
        part = -(-base // PARTS)
        first = today.toordinal() % PARTS * part + 1
        return (Span(first, min(first + part - 1, base)), Span(base + 1)) if first <= base else (Span(base + 1),)

    def _keep(self, end: End, due: Sequence[str], now: datetime) -> Iterator[str]:
        head = Head(end.chain, end.sequence, end.mac, now)
        log.info("head of the audit log: chain=%s sequence=%d mac=%s", head.chain, head.sequence, head.mac.hex())
        for region in due:
            try:
                keep_head(self.audit.stores[region], self.audit.key(), head)
            except StrongroomError as error:
                log.warning("region %s cannot keep the head of the audit log now: %s", region, error.what)
            else:
                yield region

    def _tell(self, checked: Checked, now: datetime) -> None:
        if checked.finding is None:
            return
        log.error("the audit log is broken: %s", checked.finding.words)
        report = AlertReport(
            type=AlertType.INTEGRITY,
            severity=Severity.CRITICAL,
            cause=BROKEN,
            message=f"The audit log is not what was written: {checked.finding.words}",
            next_step="Keep the database as it is, and see all of it: strongroom audit verify",
            at=now,
        )
        self._open(report)

    def _tell_of_others(self, checked: Checked, due: Sequence[str], now: datetime) -> None:
        """Say it once that a region knows another chain: when this one is kept there for the first time."""
        chain = checked.end and checked.end.chain
        for region in due:
            chains = {name.chain for name in checked.kept.found[region]}
            if chains and chain not in chains:
                report = AlertReport(
                    type=AlertType.INTEGRITY,
                    severity=Severity.CRITICAL,
                    cause=OTHER_CHAIN,
                    message=f"The audit log has begun anew: region {region} knows another one",
                    next_step="Find out whether the catalog was made anew on purpose, then resolve this alert.",
                    at=now,
                    region=region,
                )
                self._open(report)

    def _open(self, report: AlertReport) -> None:
        with self.audit.catalog.aside() as session:
            open_alert(session, report)


def _due(kept: KeptHeads, end: End, today: date) -> Iterator[str]:
    for region, names in kept.of(end.chain):
        if all(name.day != today for name in names):
            yield region
