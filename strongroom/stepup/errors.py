"""What goes wrong with step-ups."""

from enum import StrEnum

from strongroom.errors import ConflictError, InvalidInputError, NotAllowedError


class Refusal(StrEnum):
    """Why a step-up was refused: for the audit log, not for whoever sent it."""

    MISSING = "missing"
    MALFORMED = "malformed"
    OVERSIZED = "oversized"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REUSED = "reused"
    CANCELLED = "cancelled"
    OTHER_OPERATOR = "other operator"
    OTHER_SESSION = "other session"
    OTHER_ACT = "other act"
    UNCONFIRMED = "unconfirmed"
    WRONG_NAME = "wrong name"
    WRONG_CODE = "wrong code"
    OWN_APPROVAL = "own approval"
    APPROVER_GONE = "approver gone"
    UNNEEDED = "approval not needed"
    LOW_ROLE = "low role"
    NOT_A_PERSON = "not a person"


class StepUpRefusedError(NotAllowedError):
    """The step-up does not permit this act; a new one may."""

    code = "stepup.refused"

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(
            "The step-up was not accepted.",
            next_step="Ask for a challenge for exactly this act, confirm it with a code that was not used yet, and "
            "repeat the request within two minutes.",
        )
        self.refusal = refusal


class StepUpWaitingError(ConflictError):
    """The step-up is confirmed, but the second person or the day that it needs has not come yet."""

    code = "stepup.waiting"


class TooManyStepUpsError(ConflictError):
    """The operator has many challenges open."""

    code = "stepup.too_many"


class StepUpUnnamedError(InvalidInputError):
    """The request does not repeat the name of what it would destroy."""

    code = "stepup.unnamed"


class StepUpUnneededError(InvalidInputError):
    """There is no such act that needs a step-up."""

    code = "stepup.unneeded"
