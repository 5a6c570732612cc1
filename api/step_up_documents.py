"""What routes about step-ups take and give. Lengths are looked at further in, so that all refusals read alike."""

import uuid
from datetime import datetime
from typing import Self

from pydantic import SecretStr

from api.bodies import Body
from api.documents import Document
from strongroom.catalog.step_up import StepUpChallenge
from strongroom.stepup.reporting import challenge_document


class AskBody(Body):
    """What somebody wishes to destroy: a verb, the name of its target, and what else the request names."""

    verb: str
    target: str
    subject: str = ""


class ConfirmBody(Body):
    """A code of one's own factor, and the target's name once more."""

    code: SecretStr
    typed: str


class ApproveBody(Body):
    """A code of one's own factor."""

    code: SecretStr


class StepUpDocument(Document):
    """A step-up; `not_before` is null where no day is waited for, or nobody has confirmed it yet."""

    id: uuid.UUID
    verb: str
    target: str
    subject: str
    operator: str
    state: str
    needs_approval: bool
    needs_delay: bool
    approved_by: str | None
    not_before: datetime | None
    created_at: datetime
    expires_at: datetime

    @classmethod
    def of(cls, challenge: StepUpChallenge) -> Self:
        """Show a step-up."""
        return cls.model_validate(challenge_document(challenge))


class StepUpsDocument(Document):
    """Step-ups that are open."""

    items: list[StepUpDocument]
