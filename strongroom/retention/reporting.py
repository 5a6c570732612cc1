"""The plan and the state of expiries as documents: the same for `--json` and for the API."""

from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.retention import Expiry, expiry_regions
from strongroom.retention.candidates import Decision
from strongroom.retention.deciding import explain
from strongroom.retention.planning import SourcePlan


def plan_document(plan: SourcePlan, *, every: bool) -> dict[str, Any]:
    """Return what goes of a source and what is in the way, newest first, with `every` also what stays and why."""
    said = explain(plan)
    return {
        "source": plan.source,
        "policy": plan.policy,
        "terms": None if plan.wanted is None else plan.wanted.as_json(),
        "agreed": None if plan.agreed is None else plan.agreed.as_json(),
        "kept": sum(bool(one.reasons) for one in plan.decisions),
        "expired": len(plan.going),
        "blocked": sum(bool(one.blocks) for one in plan.decisions),
        "trouble": None if said is None else {"message": said[0], "next_step": said[1]},
        "backups": [_decision(one) for one in plan.decisions if every or not one.reasons],
    }


def expiry_document(session: Session, expiry: Expiry) -> dict[str, Any]:
    """Return how far the end of a backup has come, and what its receipt says."""
    return {
        "backup": str(expiry.backup_id),
        "source": expiry.source,
        "policy": expiry.policy,
        "cause": expiry.cause.value,
        "reason": expiry.reason,
        "decided_by": expiry.decided_by,
        "decided_at": expiry.decided_at.isoformat(),
        "finished_at": expiry.finished_at and expiry.finished_at.isoformat(),
        "regions": [
            {
                "region": state.region,
                "state": state.state.value,
                "slots": len(state.slots or []),
                "retained_until": state.retained_until and state.retained_until.isoformat(),
                "last_error": state.last_error,
            }
            for state in expiry_regions(session, expiry.backup_id)
        ],
        "receipt": expiry.receipt,
    }


def _decision(one: Decision) -> dict[str, Any]:
    return {
        "backup": str(one.candidate.id),
        "created_at": one.candidate.created_at.isoformat(),
        "full": one.candidate.full,
        "restorable": one.candidate.restorable,
        "goes": one.goes,
        "reasons": [reason.value for reason in one.reasons],
        "blocked": [block.value for block in one.blocks],
    }
