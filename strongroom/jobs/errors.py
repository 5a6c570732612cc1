"""What the ledger can answer instead of doing what was asked."""

from strongroom.errors import ConflictError, InvalidInputError, NotFoundError, UnavailableError


class JobNotFoundError(NotFoundError):
    """The ledger has no job with this id."""

    code = "jobs.not_found"


class JobFinishedError(ConflictError):
    """The job has ended, so it cannot be cancelled any more."""

    code = "jobs.finished"


class IdempotencyConflictError(ConflictError):
    """The idempotency key was used before, for something else."""

    code = "jobs.idempotency_conflict"


class BadIdempotencyKeyError(InvalidInputError):
    """The idempotency key is empty or too long to be kept."""

    code = "jobs.bad_idempotency_key"


class BrokerUnavailableError(UnavailableError):
    """The broker did not take the message; the job waits in the ledger. What every publisher raises when it fails."""

    code = "jobs.broker_unavailable"
