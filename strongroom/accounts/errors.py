"""What is refused to people who log in, and to those who look after accounts."""

from typing import ClassVar

from strongroom.access.errors import CredentialRefusal
from strongroom.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError, UnavailableError


class LoginRefusedError(NotAllowedError):
    """Name, password, code or token are not right; which of them is not said."""

    code = "accounts.login_refused"


class TokenExpiredOrWrongError(NotAllowedError):
    """A token of a login is not valid: wrong, expired, used up, or its session has ended."""

    code = "accounts.token_refused"

    def __init__(self, refusal: CredentialRefusal, subject: str = "") -> None:
        # The words are the same for whatever is wrong with a token.
        super().__init__("The token is not valid, or not any more.", next_step="Log in again at /api/v1/auth/login.")
        self.refusal = refusal
        self.subject = subject
        """The id of the account, where it is known whose it was."""


class TooManyAttemptsError(NotAllowedError):
    """Too many attempts failed; a later one may succeed."""

    code = "accounts.too_many_attempts"
    retryable: ClassVar[bool] = True


class PasswordsBusyError(UnavailableError):
    """So many passwords are being looked at that another one would keep everything else waiting."""

    code = "accounts.busy"


class AddressLimiterAwayError(UnavailableError):
    """What counts attempts by address does not answer, so nobody is let in."""

    code = "accounts.limiter_away"


class MFAError(NotAllowedError):
    """Something about second factors is refused."""

    code = "accounts.mfa"


class MFAInvalidCodeError(MFAError):
    """The code is not right."""

    code = "accounts.mfa_invalid_code"


class MFACodeReusedError(MFAInvalidCodeError):
    """The code was used before; the next one will do."""

    code = "accounts.mfa_code_reused"


class MFACodesLockedError(MFAError):
    """A hundred codes in a row were wrong; somebody else has to reset the factor."""

    code = "accounts.mfa_codes_locked"


class MFANotEnrolledError(MFAError):
    """The account has no second factor."""

    code = "accounts.mfa_not_enrolled"


class MFARequiredError(MFAError):
    """The account must have a second factor."""

    code = "accounts.mfa_required"


class MFAOffError(ConflictError):
    """Second factors are switched off in this installation."""

    code = "accounts.mfa_off"


class MFAEnabledAlreadyError(ConflictError):
    """The account has a second factor, and the session has not shown it lately."""

    code = "accounts.mfa_enabled_already"


class MFANothingPendingError(ConflictError):
    """No second factor waits to be confirmed, or it waited for too long."""

    code = "accounts.mfa_nothing_pending"


class AccountExistsError(ConflictError):
    """There is an account of this name."""

    code = "accounts.exists"


class AccountNotFoundError(NotFoundError):
    """There is no account of this name."""

    code = "accounts.not_found"


class AccountNameError(InvalidInputError):
    """This cannot be the name of an account."""

    code = "accounts.name"


class EmailAddressError(InvalidInputError):
    """This cannot be the mail address of an account."""

    code = "accounts.email"


class PasswordTooWeakError(InvalidInputError):
    """The password is too short or too long."""

    code = "accounts.password_too_weak"


class ReasonMissingError(InvalidInputError):
    """Why it is done is not said."""

    code = "accounts.reason_missing"
