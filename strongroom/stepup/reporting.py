"""How a step-up is shown."""

from typing import Any

from strongroom.catalog.step_up import StepUpChallenge
from strongroom.stepup.challenges import day_of


def state_of(challenge: StepUpChallenge) -> str:
    """Say where a step-up stands: asked, to be approved, waiting, confirmed, used or cancelled."""
    if challenge.ended is not None:
        return challenge.ended
    if challenge.asked_at is None:
        return "asked"
    if challenge.needs_approval and challenge.approved_by is None:
        return "to be approved"
    return "confirmed" if day_of(challenge) is None else "waiting"


def challenge_document(challenge: StepUpChallenge) -> dict[str, Any]:
    """Return the fields that everybody who may look at step-ups sees."""
    day = day_of(challenge)
    return {
        "id": str(challenge.id),
        "verb": challenge.verb,
        "target": challenge.target,
        "subject": challenge.subject,
        "operator": challenge.account_name,
        "state": state_of(challenge),
        "needs_approval": challenge.needs_approval,
        "needs_delay": challenge.needs_delay,
        "approved_by": challenge.approved_name,
        "not_before": None if day is None else day.isoformat(),
        "created_at": challenge.created_at.isoformat(),
        "expires_at": challenge.expires_at.isoformat(),
    }
