"""Accepting a break of the audit log, by somebody who says why: only where nothing else is wrong with it."""

from collections.abc import Sequence

from strongroom.alerts.opening import clear_alerts
from strongroom.audit.accepting import LostHead
from strongroom.audit.errors import BreakChangedError, NothingToAcceptError
from strongroom.audit.events import AuditAction, AuditEvent
from strongroom.audit.keeping import BROKEN
from strongroom.audit.recording import record
from strongroom.audit.verifying import AuditLog
from strongroom.clock import Clock


def plan_acceptance(log: AuditLog, head: str) -> Sequence[LostHead]:
    """Check the whole log, and return the heads that are gone; `head` is the name of the newest, as somebody saw it.

    Raises AuditBrokenError where more is wrong than that rows are gone, NothingToAcceptError, BreakChangedError where
    the newest is another one, and as AuditLog.check.
    """
    checked = log.check_whole()
    if not checked.lost:
        checked.verify()
        raise NothingToAcceptError(
            "No region has kept an end of the audit log that the catalog does not have.",
            next_step="See what is wrong: strongroom audit verify",
        )
    if checked.lost[-1].name != head:
        raise BreakChangedError(
            f"The newest end of the audit log that is gone is {checked.lost[-1].name}.",
            next_step="Look at it with `strongroom audit verify`, and accept it by this name.",
        )
    return checked.lost


def accept(log: AuditLog, clock: Clock, head: str, *, reason: str, by: str) -> Sequence[LostHead]:
    """Write into the chain that these heads are gone and why, one row for each, and resolve the alert.

    Raises as plan_acceptance; whoever asks has shown a code before.
    """
    lost = plan_acceptance(log, head)
    with log.catalog.begin() as session:
        for one in lost:
            event = AuditEvent(AuditAction.BREAK_ACCEPTED, one.target, reason=reason, before=one.mac.hex())
            record(session, event)
        note = f"accepted by {by}: {reason}"
        clear_alerts(session, cause=BROKEN, now=clock.now(), note=note)
    return lost
