"""Why an attempt failed, in the words a person gets to read."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from strongroom.errors import ExitCode, StrongroomError
from strongroom.jobs.errors import DeadlineMissedError, PoisonedJobError, UnexpectedFailureError


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


def missed_deadline(earlier: Mapping[str, Any] | None) -> JobFailure:
    """Describe a job that was not over in time, with the error that kept it if there was one."""
    kept = "" if earlier is None else f" Before that: {earlier.get('message')} ({earlier.get('code')})"
    return JobFailure.of(
        DeadlineMissedError(
            f"The job was not over by its deadline.{kept}",
            next_step="See what kept it, then ask again, with a later deadline if need be (--deadline).",
        )
    )
