"""Many requests at once, in one transaction: all are accepted or none is."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from strongroom.backup.requests import (
    BackupRequest,
    PlannedVerification,
    VerificationRequest,
    dedupe_key_of,
    plan_backup,
    plan_verification,
)
from strongroom.errors import StrongroomError, UnavailableError
from strongroom.jobs.enqueueing import JobRequest
from strongroom.jobs.errors import BatchRefusedError, Refusal
from strongroom.jobs.kinds import Queue
from strongroom.jobs.probing import probe_request
from strongroom.services import Services

MOST_REQUESTS = 1000


@dataclass(frozen=True, slots=True)
class ProbeRequest:
    """A probe of a queue somebody asks for."""

    queue: Queue
    idempotency_key: str | None
    trace_id: str


Request = BackupRequest | VerificationRequest | ProbeRequest


def request_batch(services: Services, requests: Sequence[Request]) -> list[uuid.UUID]:
    """Queue what the requests ask for and return the ids of the jobs in their order.

    Raises BatchRefusedError, which names every request that cannot be met, by its place in the batch.
    """
    with services.catalog.begin() as session:
        plans = _plan(services, session, requests)
        jobs = [plan.job if isinstance(plan, PlannedVerification) else plan for plan in plans]
        ids = services.ledger.enqueue_many(session, jobs)
        for job_id, plan in zip(ids, plans, strict=True):
            if isinstance(plan, PlannedVerification):
                plan.record(session, job_id)
        return ids


def _plan(services: Services, session: Session, requests: Sequence[Request]) -> list[JobRequest | PlannedVerification]:
    plans: list[JobRequest | PlannedVerification] = []
    refusals = []
    for index, request in enumerate(requests):
        try:
            plans.append(_plan_one(services, session, request))
        except UnavailableError:
            raise
        except StrongroomError as error:
            refusals.append(Refusal(index, error))
    if refusals:
        raise BatchRefusedError.of(refusals, len(requests))
    return plans


def _plan_one(services: Services, session: Session, request: Request) -> JobRequest | PlannedVerification:
    match request:
        case BackupRequest():
            return plan_backup(services.settings, request)
        case VerificationRequest():
            return plan_verification(services.settings, session, request)
        case ProbeRequest():
            key = dedupe_key_of(request.idempotency_key)
            return probe_request(request.queue, trace_id=request.trace_id, dedupe_key=key)
