"""What ends an attempt from outside. They derive from BaseException, so that no broad except swallows them."""


class LeaseLost(BaseException):
    """Somebody else may hold the job now; do nothing more, record nothing more."""


class JobCancelled(BaseException):
    """An operator asked for the job to stop."""


class JobPaused(BaseException):
    """An operator asked for the job to rest; its cursor stays."""


class JobWaits(BaseException):
    """What the job waits for happens elsewhere: it goes on later, and its worker is free until then."""

    def __init__(self, seconds: float) -> None:
        super().__init__(seconds)
        self.seconds = seconds


class DeadlinePassed(BaseException):
    """The job is not over by its deadline."""


class ShutdownRequested(BaseException):
    """The process is about to end; the job goes back to the queue at once."""
