"""Why a session is not made or not taken."""

from enum import StrEnum

from strongroom.errors import NotAllowedError, StrongroomError, UnavailableError


class SessionRefusal(StrEnum):
    """Why a session is not taken; for logs, never for the caller."""

    MALFORMED = "malformed"
    UNKNOWN = "unknown"
    EXPIRED = "expired"
    USED = "used"
    FORGOTTEN = "forgotten"
    """It is of an earlier epoch: Redis may not know whether it was used."""


class SessionInvalidError(NotAllowedError):
    """The session id opens nothing: it is unknown, used, expired or malformed."""

    code = "api.session_invalid"

    def __init__(self, refusal: SessionRefusal, shown: str) -> None:
        # The words are the same for whatever is wrong with an id.
        super().__init__("Session ID Invalid.", next_step="Ask for a new session; each is used once.")
        self.refusal = refusal
        self.shown = shown
        """How the session is named where that may be read; empty for what is no id."""


class SessionsFullError(StrongroomError):
    """There are as many one-time sessions as there may be; some end by themselves."""

    code = "api.sessions_full"
    retryable = True

    def __init__(self, retry_after: int, most: int) -> None:
        super().__init__(
            f"There are {most} one-time sessions, which is as many as there may be.",
            next_step=f"Ask again in {retry_after} seconds.",
        )
        self.retry_after = retry_after


class SessionsAwayError(UnavailableError):
    """The Redis that keeps one-time sessions, or the catalog that knows their epoch, does not answer."""

    code = "api.sessions_away"

    retry_after = 2


class PrefetchRefusedError(NotAllowedError):
    """The request says that nobody has asked for the page yet; taking it would use the session up."""

    code = "api.prefetch_refused"
