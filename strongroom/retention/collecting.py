"""The job that looks for garbage in one region and, if asked, deletes it."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from strongroom.catalog.jobs import Job
from strongroom.jobs.context import JobContext
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.jobs.progress import JobProgress
from strongroom.jobs.turns import verify_turn_to_delete
from strongroom.repository.collection import CollectionPlan, apply_collection, plan_collection, verify_share
from strongroom.retention.expiring import shred_region
from strongroom.retention.retiring import bury_retired
from strongroom.services import Services

MOST_NAMED = 1000


@dataclass(frozen=True, slots=True)
class CollectionRequest:
    """A collection somebody asks for; without `apply` nothing is deleted; no share means the settings'."""

    region: str
    apply: bool
    max_share_percent: int | None
    idempotency_key: str | None
    trace_id: str


def request_collection(services: Services, request: CollectionRequest) -> Job:
    """Queue a collection; raises UnknownRegionError, IdempotencyConflictError."""
    services.settings.get_region(request.region)
    share = request.max_share_percent
    args = {
        "region": request.region,
        "apply": request.apply,
        "max_share_percent": services.settings.collection.max_share_percent if share is None else share,
    }
    key = request.idempotency_key
    dedupe_key = None if key is None else f"request:{key}"
    with services.catalog.begin() as session:
        return services.ledger.enqueue(
            session, JobRequest(JobKind.COLLECTION_RUN, args, request.trace_id, dedupe_key=dedupe_key)
        )


def request_nightly(services: Services) -> list[Job]:
    """Queue one collection of every region a day, as the settings say; a second call on a day changes nothing."""
    settings = services.settings.collection
    today = services.clock.now().date().isoformat()
    jobs = []
    for region in services.stores:
        key = f"nightly:{region}:{today}:{settings.apply}:{settings.max_share_percent}"
        trace_id = services.random(16).hex()
        jobs.append(request_collection(services, CollectionRequest(region, settings.apply, None, key, trace_id)))
    return jobs


def run_collection(services: Services, context: JobContext) -> dict[str, Any]:
    """Plan, and with `apply` delete, up to the share that was approved.

    Raises RegionBusyError while copies run, CollectionBlockedError, ShareTooLargeError.
    """
    region, apply = context.args["region"], context.args["apply"]
    place = (services.open_repository(), services.stores[region], services.keks[region])
    counted = _Counter(context)
    if apply:
        with services.catalog.read() as session:
            verify_turn_to_delete(session, context.job_id, region)
        bury_retired(services, region)
        # First the keys, and what the receipts name, while the slots are still there to be named.
        shred_region(services, region, context.check)
    plan = plan_collection(*place, on_progress=counted)
    if apply:
        verify_share(plan, context.args["max_share_percent"] / 100)
        plan = apply_collection(*place, plan, on_progress=counted)
    return _summary(plan, applied=apply)


class _Counter:
    def __init__(self, context: JobContext) -> None:
        self._context = context
        self._objects = 0

    def __call__(self) -> None:
        self._objects += 1
        self._context.check()
        self._context.report(JobProgress(phase="collecting", done_bytes=0, total_bytes=None, files=self._objects))


def _summary(plan: CollectionPlan, *, applied: bool) -> dict[str, Any]:
    counts, sizes = Counter[str](), Counter[str]()
    for found in plan.garbage:
        counts[found.why.name.lower()] += 1
        sizes[found.why.name.lower()] += found.size
    return {
        "region": plan.region,
        "applied": applied,
        "objects": len(plan.garbage),
        "bytes": plan.garbage_bytes,
        "share_percent": round(plan.share * 100, 2),
        "by_kind": {kind: {"objects": count, "bytes": sizes[kind]} for kind, count in counts.items()},
        "packs": plan.packs,
        "pack_bytes": plan.pack_bytes,
        "retained": len(plan.retained),
        "retained_until": max((one.until.isoformat() for one in plan.retained), default=None),
        "live_backups": plan.live_backups,
        "open_sessions": plan.open_sessions,
        "garbage": [
            {"key": found.key, "bytes": found.size, "why": found.why.value} for found in plan.garbage[:MOST_NAMED]
        ],
    }
