"""What the decision about an operation refuses."""

from enum import StrEnum

from strongroom.errors import InvalidInputError, NotAllowedError


class CredentialRefusal(StrEnum):
    """Why a token was refused: for the audit log, not for whoever showed it."""

    MISSING = "missing"
    OVERSIZED = "oversized"
    MALFORMED = "malformed"
    OTHER_KIND = "other kind"
    """A token of ours that is for something else."""
    FORGED = "wrong signature"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    REVOKED = "revoked"
    REUSED = "reused"
    """That is written down where it was found, together with what it ended."""
    ENDED = "session ended"
    OTHER_NETWORK = "other network"


class CredentialRefusedError(NotAllowedError):
    """The request carries no token, or one that opens nothing; it is not said why."""

    code = "access.credential_refused"

    def __init__(self, refusal: CredentialRefusal, subject: str = "") -> None:
        # The words are the same for whatever is wrong with what was shown.
        super().__init__(
            "The request carries no valid token.",
            next_step="Send the header `Authorization: Bearer TOKEN` with a service token or the access token of a "
            "login.",
        )
        self.refusal = refusal
        self.subject = subject
        """The id of the token or account, where it is known whose it was."""


class PermissionDeniedError(NotAllowedError):
    """Whoever asks may not do this; asking again does not help."""

    code = "access.permission_denied"


class StepUpRequiredError(NotAllowedError):
    """This operation needs a factor that was verified for it, or lately; `gravity` says which: change or destroy."""

    code = "access.step_up_required"


class GrantInvalidError(InvalidInputError):
    """A grant of a service token is not written as SCOPE, SCOPE:AREA or SCOPE:AREA:SOURCES."""

    code = "access.grant_invalid"
