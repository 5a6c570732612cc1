"""Deciding: from the plan of a source to backups that end, in one transaction that sees whatever came in between."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, open_alert
from strongroom.catalog.backups import Backup
from strongroom.catalog.retention import ExpiryCause, lock_agreed
from strongroom.catalog.tallies import Counted, add_to_tally
from strongroom.retention.candidates import Block
from strongroom.retention.errors import NothingToApproveError, RetirementNotConfirmedError, UnknownPolicyError
from strongroom.retention.events import SYSTEM, note
from strongroom.retention.expiring import Ending, start_expiry
from strongroom.retention.planning import BY_SETTINGS, SourcePlan, make_plan, new_agreement, plan_sources
from strongroom.retention.terms import Terms
from strongroom.services import Services

CAUSE = "retention.blocked"
ROWS_A_STATEMENT = 400


@dataclass(frozen=True, slots=True)
class Approval:
    """Somebody's word that a shorter policy may hold for a source."""

    source: str
    confirm: str | None
    by: str


def decide_source(
    services: Services, session: Session, source: str, *, max_share: float | None, by: str
) -> SourcePlan | None:
    """End, in the caller's transaction, what nothing keeps of a source now; return the plan that was carried out.

    Longer terms are agreed upon on the way, and an alert is opened for what somebody has to look at, or cleared.
    """
    plan = _one(plan_sources(services, session, source=source, max_share=max_share))
    if plan is None:
        return None
    # Whoever places a hold now waits here, or has placed it before the second look.
    agree(services, session, plan)
    _lock_rows(session, [one.candidate.id for one in plan.going])
    plan = _one(plan_sources(services, session, source=source, max_share=max_share))
    if plan is None:
        return None
    for one in plan.going:
        backup = session.get_one(Backup, one.candidate.id, with_for_update=True)
        ending = Ending(ExpiryCause.POLICY, f"no rule of {plan.policy} keeps it", by)
        start_expiry(session, services, backup, ending)
    kept_back = sum(bool(one.blocks) for one in plan.decisions)
    add_to_tally(session, Counted.RETENTION_BLOCKED, plan.policy, times=kept_back)
    _alert(services, session, plan)
    return plan


def approve(services: Services, approval: Approval) -> SourcePlan:
    """Let a shorter policy hold for a source from now on, and return its plan under it.

    Raises UnknownPolicyError, NothingToApproveError, RetirementNotConfirmedError.
    """
    source = approval.source
    with services.catalog.begin() as session:
        plan = _one(plan_sources(services, session, source=source))
        if plan is not None and plan.wanted is None:
            raise UnknownPolicyError(
                f"{source} follows the policy {plan.policy!r}, which is not in the settings.",
                next_step=f"Write [policies.{plan.policy}] into the settings first.",
            )
        if plan is None or plan.wanted is None or not plan.shorter_in:
            raise NothingToApproveError(
                f"No shorter policy of {source!r} waits for an approval.", next_step="See: strongroom retention plan"
            )
        if approval.confirm != source:
            raise RetirementNotConfirmedError(
                f"The policy {plan.policy} of {source} keeps less than before: {describe_shorter(plan)}.",
                next_step=f"If that is what you want: strongroom retention approve {source} --confirm {source}",
            )
        agreed = lock_agreed(session, new_agreement(services, plan, plan.wanted, approval.by))
        note(
            session, services, approval.by, "shorter policy", (source, None), before=agreed.terms,
            after=plan.wanted.as_json(),
        )  # fmt: skip
        agreed.policy, agreed.terms = plan.policy, plan.wanted.as_json()
        agreed.agreed_by, agreed.agreed_at = approval.by[:120], services.clock.now()
    return next(one for one in make_plan(services, source=source) if one.source == source)


def agree(services: Services, session: Session, plan: SourcePlan) -> None:
    """Write down the terms of a source's policy where there were none yet, or shorter ones; locks them."""
    wanted = plan.wanted or Terms(0)
    agreed = lock_agreed(session, new_agreement(services, plan, wanted, BY_SETTINGS))
    before = Terms.parse(agreed.terms)
    if plan.wanted is None or wanted == before or wanted.shorter_in(before):
        return
    note(session, services, SYSTEM, "longer policy", (plan.source, None), before=agreed.terms, after=wanted.as_json())
    agreed.policy, agreed.terms = plan.policy, wanted.as_json()
    agreed.agreed_by, agreed.agreed_at = BY_SETTINGS, services.clock.now()


def describe_shorter(plan: SourcePlan) -> str:
    """Say which numbers of a policy became smaller, such as `retention_days 365 -> 30`."""
    if plan.agreed is None or plan.wanted is None:
        return ""
    before, after = plan.agreed.as_json(), plan.wanted.as_json()
    return ", ".join(f"{name} {before[name]} -> {after[name]}" for name in plan.shorter_in)


def explain(plan: SourcePlan) -> tuple[str, str] | None:
    """Put what somebody has to decide about a source into words: what is wrong, and what to do."""
    match plan.trouble:
        case Block.UNKNOWN_POLICY:
            return (
                f"Backups of {plan.source} follow the policy {plan.policy!r}, which is not in the settings.",
                f"Write [policies.{plan.policy}], or name another in [sources.{plan.source}].",
            )
        case Block.EVERYTHING:
            return (
                f"The policy {plan.policy} would leave nothing of {plan.source}: every backup is older than it keeps.",
                f"Make a backup: strongroom backup run {plan.source}. Or let the policy keep one: min_fulls = 1.",
            )
        case Block.SHORTENED:
            return (
                f"The policy {plan.policy} of {plan.source} keeps less than was agreed: {describe_shorter(plan)}.",
                f"If that is right: strongroom retention approve {plan.source} --confirm {plan.source}",
            )
        case Block.SHARE:
            count = sum(Block.SHARE in one.blocks for one in plan.decisions)
            return (
                f"{count} of {len(plan.decisions)} backups of {plan.source} would go, more than one run may delete.",
                f"If so: strongroom retention apply --source {plan.source} --max-share 100% --confirm {plan.source}",
            )
    return None


def _one(plans: Sequence[SourcePlan]) -> SourcePlan | None:
    return plans[0] if plans else None


def _lock_rows(session: Session, ids: Sequence[uuid.UUID]) -> None:
    """Hold the backups that may go: one that was chosen as a parent meanwhile has a running child by then."""
    for start in range(0, len(ids), ROWS_A_STATEMENT):
        chunk = ids[start : start + ROWS_A_STATEMENT]
        session.execute(select(Backup.id).where(Backup.id.in_(chunk)).order_by(Backup.id).with_for_update()).all()


def _alert(services: Services, session: Session, plan: SourcePlan) -> None:
    said, now = explain(plan), services.clock.now()
    if said is None:
        clear_alerts(session, cause=CAUSE, source=plan.source, now=now, note="nothing waits for a decision any more")
        return
    open_alert(
        session,
        AlertReport(
            type=AlertType.FAILURE,
            severity=Severity.MEDIUM,
            cause=CAUSE,
            message=said[0],
            next_step=said[1],
            at=now,
            source=plan.source,
        ),
    )
