"""What happened to step-ups, written down: with the reasons that whoever was refused is not told."""

import logging

from sqlalchemy.orm import Session

from strongroom.access.principals import Principal
from strongroom.audit.acting import describe, find_binding
from strongroom.audit.events import AuditEvent, Outcome
from strongroom.audit.recording import record, says_done
from strongroom.stepup.acts import Act
from strongroom.stepup.challenges import Step, StepUpEvent

log = logging.getLogger(__name__)


def write_down(session: Session, principal: Principal, act: Act, event: StepUpEvent) -> None:
    """Write one thing to the log, and to the audit log in the transaction of what happened."""
    level = logging.INFO if event.refusal is None else logging.WARNING
    outcome = "done" if event.refusal is None else f"refused: {event.refusal}"
    log.log(level, "step-up %s: %s of %s %s, %s", event.challenge, act.verb, principal.name, event.step, outcome)
    if event.step is Step.USED and event.refusal is None and _is_acting() and not says_done(session):
        # The act gets a row by its name, which this belongs to.
        describe(act.target, reason=_named(act, event))
    else:
        record(session, _told(act, event))


def _is_acting() -> bool:
    binding = find_binding()
    return binding is not None and binding.owes_a_row


def _told(act: Act, event: StepUpEvent) -> AuditEvent:
    if event.refusal is None:
        return AuditEvent(f"step_up_{event.step}", act.target, reason=_named(act, event))
    reason = f"{event.refusal}; {_named(act, event)}"
    return AuditEvent(f"step_up_{event.step}", act.target, Outcome.REFUSED, reason)


def _named(act: Act, event: StepUpEvent) -> str:
    return " ".join(filter(None, ("step-up", str(event.challenge or "-"), act.verb, act.subject[:100])))
