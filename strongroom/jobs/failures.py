"""Why an attempt failed, in the words a person gets to read."""

from dataclasses import asdict, dataclass
from typing import Any

from strongroom.errors import ExitCode, StrongroomError
from strongroom.jobs.errors import PoisonedJobError, UnexpectedFailureError


@dataclass(frozen=True, slots=True)
class JobFailure:
    """What `job.last_error` holds."""

    code: str
    message: str
    next_step: str
    retryable: bool
    exit_code: int = ExitCode.FAILURE

    @classmethod
    def of(cls, error: StrongroomError) -> "JobFailure":
        """Describe an error Strongroom raised itself."""
        return cls(error.code, error.what, error.next_step, error.retryable, int(error.exit_code))

    def as_stored(self) -> dict[str, Any]:
        """Return code, message, next_step, retryable and the exit code of a command that waited for the job."""
        return asdict(self)


UNEXPECTED = JobFailure.of(
    UnexpectedFailureError(
        "The job failed in a way nobody foresaw.",
        next_step="Look for its trace id in the worker's log, report what it says, then run the job again.",
    )
)

POISONED = JobFailure.of(
    PoisonedJobError(
        "The worker vanished every time it ran this job.",
        next_step="Look in the worker's log for what ended it (often too little memory), then ask for the job again.",
    )
)
