"""What the decision about an operation refuses."""

from strongroom.errors import InvalidInputError, NotAllowedError


class CredentialRefusedError(NotAllowedError):
    """The request carries no token, or one that opens nothing; it is not said why."""

    code = "access.credential_refused"

    @classmethod
    def without_a_reason(cls) -> "CredentialRefusedError":
        """Return the error whose words are the same for whatever is wrong with what was shown."""
        return cls(
            "The request carries no valid token.",
            next_step="Send the header `Authorization: Bearer TOKEN` with a service token or the access token of a "
            "login.",
        )


class PermissionDeniedError(NotAllowedError):
    """Whoever asks may not do this; asking again does not help."""

    code = "access.permission_denied"


class StepUpRequiredError(NotAllowedError):
    """This operation needs a factor that was verified for it, or lately; `gravity` says which: change or destroy."""

    code = "access.step_up_required"


class GrantInvalidError(InvalidInputError):
    """A grant of a service token is not written as SCOPE, SCOPE:AREA or SCOPE:AREA:SOURCES."""

    code = "access.grant_invalid"
