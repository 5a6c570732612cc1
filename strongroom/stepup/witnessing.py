"""What happened to step-ups, written down: with the reasons that whoever was refused is not told."""

import logging

from sqlalchemy.orm import Session

from strongroom.access.principals import Principal
from strongroom.stepup.acts import Act
from strongroom.stepup.challenges import StepUpEvent

log = logging.getLogger(__name__)


def write_down(session: Session, principal: Principal, act: Act, event: StepUpEvent) -> None:
    """Write one thing to the log, not to the catalog; called inside the transaction of what happened."""
    level = logging.INFO if event.refusal is None else logging.WARNING
    outcome = "done" if event.refusal is None else f"refused: {event.refusal}"
    log.log(level, "step-up %s: %s of %s %s, %s", event.challenge, act.verb, principal.name, event.step, outcome)
