"""The job that carries the plan out: first what was decided before, then what is decided now, then the receipts."""

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.jobs import Job
from strongroom.catalog.retention import unfinished_expiries
from strongroom.errors import InvalidInputError
from strongroom.jobs.context import JobContext
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.jobs.progress import JobProgress
from strongroom.jobs.steps import Effect
from strongroom.retention.deciding import agree, decide_source, explain
from strongroom.retention.errors import RetirementNotConfirmedError
from strongroom.retention.events import SYSTEM
from strongroom.retention.expiring import Progress, adopt_retired, carry_out
from strongroom.retention.planning import SourcePlan, make_plan
from strongroom.services import Services
from strongroom.settings import Settings

MOST_NAMED = 200


@dataclass(frozen=True, slots=True)
class SweepRequest:
    """A run that somebody asks for; without `apply` it only reports. A larger share than configured needs the source's
    name as confirmation, and so is for one source."""

    apply: bool
    source: str | None
    max_share_percent: int | None
    confirm: str | None
    by: str
    idempotency_key: str | None
    trace_id: str


def request_sweep(services: Services, request: SweepRequest) -> Job:
    """Queue a run; raises RetirementNotConfirmedError, InvalidInputError, IdempotencyConflictError."""
    usual = services.settings.retention.max_share_percent
    share = usual if request.max_share_percent is None else request.max_share_percent
    if deletes_more(services.settings, request):
        _verify_larger_share(request, usual)
    args = {"apply": request.apply, "source": request.source, "max_share_percent": share, "by": request.by[:120]}
    key = None if request.idempotency_key is None else f"request:{request.idempotency_key}"
    return _enqueue(services, args, request.trace_id, key)


def deletes_more(settings: Settings, request: SweepRequest) -> bool:
    """Say whether a run may delete a larger share of a source's backups than the settings let every run."""
    share = request.max_share_percent
    return request.apply and share is not None and share > settings.retention.max_share_percent


def request_nightly(services: Services) -> Job:
    """Queue one run a day, as the settings say; a second call on a day changes nothing."""
    settings, today = services.settings.retention, services.clock.now().date().isoformat()
    args = {"apply": settings.apply, "source": None, "max_share_percent": settings.max_share_percent, "by": SYSTEM}
    key = f"retention:{today}:{settings.apply}:{settings.max_share_percent}"
    return _enqueue(services, args, services.random(16).hex(), key)


def run_sweep(services: Services, context: JobContext) -> dict[str, Any]:
    """Decide source by source, each in a step of its own, and carry out every expiry that is not finished.

    A region that does not answer, or keeps slots under a lock, is named in the result; the next run goes on there.
    Raises RegionBusyError while key slots are being written elsewhere, which is tried again.
    """
    share, only = context.args["max_share_percent"] / 100, context.args["source"]
    if not context.args["apply"]:
        return _report(services, context, make_plan(services, source=only, max_share=share))
    by = str(context.args["by"])
    context.write(lambda session: _adopt(services, session))
    decided = []
    for plan in make_plan(services, source=only, max_share=share):
        context.check()
        decided.append(context.step(f"decide:{plan.source}", _decision(services, plan.source, share, by)) or {})
    progress = Progress()
    with services.catalog.read() as session:
        waiting = unfinished_expiries(session)
    for done, expiry in enumerate(waiting):
        context.check()
        context.report(JobProgress(phase="shredding", done_bytes=0, total_bytes=None, files=done))
        carry_out(services, expiry, progress, context.check)
    return _summary(decided, applied=True) | _outcome(progress, len(waiting))


def _report(services: Services, context: JobContext, plans: list[SourcePlan]) -> dict[str, Any]:
    for plan in plans:
        # What is promised while nothing is deleted yet is promised: a shorter policy needs an approval afterwards.
        context.write(partial(agree, services, plan=plan))
    return _summary([_of_source(plan) for plan in plans], applied=False)


def _verify_larger_share(request: SweepRequest, usual: int) -> None:
    if request.source is None:
        raise InvalidInputError(
            f"More than {usual} % is deleted of one source at a time.", next_step="Name it: --source NAME"
        )
    if request.confirm != request.source:
        raise RetirementNotConfirmedError(
            f"Up to {request.max_share_percent} % of the backups of {request.source} would be deleted for good.",
            next_step=f"If that is what you want: --confirm {request.source}, or `confirm` over HTTP",
        )


def _enqueue(services: Services, args: dict[str, Any], trace_id: str, key: str | None) -> Job:
    wanted = JobRequest(JobKind.RETENTION_RUN, args, trace_id, dedupe_key=key, exclusion="retention")
    with services.catalog.begin() as session:
        return services.ledger.enqueue(session, wanted)


def _adopt(services: Services, session: Session) -> None:
    adopt_retired(session, services, SYSTEM)


def _decision(services: Services, source: str, share: float, by: str) -> Effect:
    def decide(session: Session) -> dict[str, Any] | None:
        plan = decide_source(services, session, source, max_share=share, by=by)
        return None if plan is None else _of_source(plan)

    return decide


def _summary(sources: list[dict[str, Any]], *, applied: bool) -> dict[str, Any]:
    told = [source for source in sources if source]
    return {
        "applied": applied,
        "backups": sum(source["backups"] for source in told),
        "expired": sum(source["expired_count"] for source in told),
        "sources": told,
    }


def _of_source(plan: SourcePlan) -> dict[str, Any]:
    going, said = plan.going, explain(plan)
    blocks = Counter(block.name.lower() for one in plan.decisions for block in one.blocks)
    return {
        "source": plan.source,
        "policy": plan.policy,
        "backups": len(plan.decisions),
        "kept": sum(bool(one.reasons) for one in plan.decisions),
        "expired": [str(one.candidate.id) for one in going[:MOST_NAMED]],
        "expired_count": len(going),
        "blocked": dict(blocks),
        "trouble": None if said is None else {"message": said[0], "next_step": said[1]},
    }


def _outcome(progress: Progress, waiting: int) -> dict[str, Any]:
    return {
        "shredded": len(progress.finished),
        "unfinished": waiting - len(progress.finished),
        "retained_until": {str(key): until.isoformat() for key, until in list(progress.retained.items())[:MOST_NAMED]},
        "regions_missed": progress.missed,
    }
