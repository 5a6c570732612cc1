"""Running one attempt of a job: the edge between the ledger and a capability's handler."""

import logging
import uuid
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.catalog.jobs import JobState
from strongroom.cycles import rare_cycle_searches
from strongroom.errors import StrongroomError
from strongroom.jobs.attempts import note_again
from strongroom.jobs.claiming import Claim
from strongroom.jobs.context import JobContext
from strongroom.jobs.failures import UNEXPECTED, JobFailure
from strongroom.jobs.interrupts import DeadlinePassed, JobCancelled, JobPaused, JobWaits, LeaseLost, ShutdownRequested
from strongroom.jobs.lease import Lease
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.persistence import persist
from strongroom.spans.recording import Value, span

log = logging.getLogger(__name__)

Handler = Callable[[JobContext], dict[str, Any]]


class RunOutcome(StrEnum):
    """What became of one delivery of a job."""

    SKIPPED = "skipped"
    """Not due, held by somebody else, or over: nothing was done."""
    SUCCEEDED = "succeeded"
    RETRYING = "retrying"
    FAILED = "failed"
    CANCELLED = "cancelled"
    PAUSED = "paused"
    RELEASED = "released"
    WAITING = "waiting"
    LEASE_LOST = "lease_lost"


NOT_WELL = frozenset({RunOutcome.RETRYING, RunOutcome.FAILED, RunOutcome.LEASE_LOST})


@dataclass(frozen=True, slots=True)
class Verdict:
    """How an attempt is to be recorded, and what it is called when that puts the job back into the queue."""

    settle: Callable[[Ledger, Claim], JobState]
    when_queued: RunOutcome = RunOutcome.RETRYING

    def outcome(self, state: JobState) -> RunOutcome:
        """Name the outcome after the state the ledger chose."""
        return self.when_queued if state is JobState.QUEUED else RunOutcome(state.value)


def never_stopping() -> bool:
    """Say that the process is not about to end."""
    return False


def run_job(
    ledger: Ledger,
    job_id: uuid.UUID,
    handler: Handler,
    *,
    owner: str,
    stopping: Callable[[], bool] = never_stopping,
) -> RunOutcome:
    """Claim the job if it is to be had, and run it as `run_claimed` does; `owner` names the process for people.

    Raises CatalogUnavailableError while claiming, when nothing has begun.
    """
    claim = ledger.claim(job_id, owner)
    return RunOutcome.SKIPPED if claim is None else run_claimed(ledger, claim, handler, stopping=stopping)


def run_claimed(
    ledger: Ledger, claim: Claim, handler: Handler, *, stopping: Callable[[], bool] = never_stopping
) -> RunOutcome:
    """Run the handler of a job that was just claimed while renewing the lease, and record how it ended.

    `stopping` is asked at every check whether the process wants to end. An interrupt from the keyboard or the system
    gives the job back and goes on.
    """
    about = (claim.job_id, claim.kind, claim.attempt)
    with claim.bound(), span(f"job {claim.kind}", attributes=_told(claim)) as attempt, Lease(ledger, claim) as lease:
        log.info("job %s (%s): attempt %d begins", *about, extra={"event": "job.attempt_begins"})
        note_again(ledger.catalog, claim)
        outcome = _run_attempt(ledger, claim, lease, handler, stopping)
        seconds = round(ledger.clock.monotonic() - claim.asked_at, 6)
        told = {"event": "job.attempt_ended", "duration_s": seconds}
        attempt.note("strongroom.outcome", outcome.value)
        if outcome in NOT_WELL:
            attempt.fail(outcome.value)
        log.info("job %s (%s): attempt %d ended: %s", *about, outcome, extra=told)
        return outcome


def _told(claim: Claim) -> dict[str, Value]:
    told: dict[str, Value] = {"strongroom.job_id": str(claim.job_id), "strongroom.attempt": claim.attempt}
    # Names only: what else a job was given may be anything.
    about = {f"strongroom.{name}": claim.args.get(name) for name in ("source", "region")}
    return told | {name: value for name, value in about.items() if isinstance(value, str)}


def _run_attempt(
    ledger: Ledger, claim: Claim, lease: Lease, handler: Handler, stopping: Callable[[], bool]
) -> RunOutcome:
    context = JobContext(ledger, claim, lease, stopping)
    try:
        verdict = _judge(context, handler)
        return verdict.outcome(persist(lambda: verdict.settle(ledger, claim), lease, ledger.clock))
    except LeaseLost:
        return RunOutcome.LEASE_LOST
    except (KeyboardInterrupt, SystemExit):
        # If this does not get through, the lease lapses and the sweeper does the same a little later.
        with suppress(CatalogUnavailableError, LeaseLost):
            ledger.release(claim)
        raise


def _judge(context: JobContext, handler: Handler) -> Verdict:
    """Run the handler and return what is to be recorded."""
    try:
        with rare_cycle_searches():
            result = handler(context)
        context.flush()
        return Verdict(lambda ledger, claim: ledger.finish(claim, result))
    except JobCancelled:
        return Verdict(lambda ledger, claim: ledger.cancel(claim).state)
    except DeadlinePassed:
        return Verdict(lambda ledger, claim: ledger.expire(claim).state)
    except JobWaits as wait:
        seconds = wait.seconds
        return Verdict(lambda ledger, claim: ledger.wait(claim, seconds).state, when_queued=RunOutcome.WAITING)
    except (JobPaused, ShutdownRequested):
        return Verdict(lambda ledger, claim: ledger.release(claim).state, when_queued=RunOutcome.RELEASED)
    except StrongroomError as error:
        failure = JobFailure.of(error)
        told = {"event": "job.attempt_failed", "error_code": failure.code, "error_type": type(error).__name__}
        log.warning("job %s: %s: %s", context.job_id, failure.code, failure.message, extra=told)
    except Exception:
        failure = UNEXPECTED
        log.exception("job %s: unexpected failure", context.job_id, extra={"event": "job.attempt_failed"})
    return Verdict(lambda ledger, claim: ledger.fail(claim, failure).state)
