"""What the ledger can answer instead of doing what was asked."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from strongroom.errors import ConflictError, InvalidInputError, NotFoundError, StrongroomError, UnavailableError


class JobNotFoundError(NotFoundError):
    """The ledger has no job with this id."""

    code = "jobs.not_found"

    @classmethod
    def of(cls, job_id: uuid.UUID) -> Self:
        """Say that nothing has this id."""
        return cls(f"There is no job {job_id}.", next_step="Look it up with `strongroom jobs list`.")


class JobFinishedError(ConflictError):
    """The job has ended, so it cannot be cancelled, paused or resumed any more."""

    code = "jobs.finished"


class JobCancelledError(ConflictError):
    """Somebody cancelled the job before it was done."""

    code = "jobs.cancelled"


class JobPausedError(ConflictError):
    """The job is paused, so it is not run before somebody resumes it."""

    code = "jobs.paused"


class IdempotencyConflictError(ConflictError):
    """The idempotency key was used before, for something else."""

    code = "jobs.idempotency_conflict"


class BadIdempotencyKeyError(InvalidInputError):
    """The idempotency key is empty or too long to be kept."""

    code = "jobs.bad_idempotency_key"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why one request of a batch was refused; `index` counts from 0."""

    index: int
    error: StrongroomError


class BatchRefusedError(InvalidInputError):
    """Some requests of a batch cannot be met, so none of them was accepted."""

    code = "jobs.batch_refused"
    refusals: tuple[Refusal, ...] = ()

    @classmethod
    def of(cls, refusals: Sequence[Refusal], size: int) -> Self:
        """Name every request that was refused, of a batch of `size`."""
        error = cls(
            f"{len(refusals)} of {size} requests were refused, so none was accepted; number {refusals[0].index} first: "
            f"{refusals[0].error.what}",
            next_step="Correct or leave out the requests named, and send the batch again.",
        )
        error.refusals = tuple(refusals)
        return error


class BrokerUnavailableError(UnavailableError):
    """The broker did not take the message; the job waits in the ledger. What every publisher raises when it fails."""

    code = "jobs.broker_unavailable"


class UnexpectedFailureError(StrongroomError):
    """The job failed in a way nobody foresaw; the worker's log has the details."""

    code = "jobs.unexpected"


class DeadlineMissedError(StrongroomError):
    """The job was not over by its deadline, so it was ended."""

    code = "jobs.deadline_missed"


class PoisonedJobError(StrongroomError):
    """The worker vanished every time it ran the job, so the job is not tried again."""

    code = "jobs.poisoned"


class RegionBusyError(UnavailableError):
    """Garbage of the region is being deleted while something is copied into it, or the other way round."""

    code = "jobs.region_busy"
