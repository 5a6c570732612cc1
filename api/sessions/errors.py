"""Why a session is not made or not taken."""

from strongroom.errors import NotAllowedError, StrongroomError, UnavailableError


class SessionInvalidError(NotAllowedError):
    """The session id opens nothing: it is unknown, used, expired or malformed."""

    code = "api.session_invalid"


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
