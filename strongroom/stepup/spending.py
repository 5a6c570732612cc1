"""Spending a step-up: in the transaction of the change that it permits, so that neither happens without the other."""

import hmac
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from sqlalchemy import event
from sqlalchemy.orm import Session

from strongroom.access.operation import Operation
from strongroom.access.principals import Principal, Role
from strongroom.catalog.accounts import Account
from strongroom.catalog.step_up import StepUpChallenge
from strongroom.stepup.acts import Act
from strongroom.stepup.challenges import (
    FRESH,
    Step,
    StepUpEvent,
    StepUps,
    day_of,
    find,
    id_of,
    needs_of,
    unfit,
)
from strongroom.stepup.errors import Refusal, StepUpRefusedError, StepUpWaitingError
from strongroom.stepup.permits import in_force


@dataclass(slots=True)
class _Permit:
    means: StepUps
    principal: Principal
    act: Act
    reference: str
    challenge: uuid.UUID | None = None
    spending: Session | None = None
    spent: bool = False


@contextmanager
def permitted(means: StepUps, principal: Principal, act: Act, reference: str | None) -> Iterator[None]:
    """Let one act happen inside the block: the first transaction there that commits spends the step-up too.

    `reference` is the id of the challenge, as the request gives it. Where the block changes nothing, it is spent at the
    end; where the block fails before a commit, it stays as it was. Raises StepUpUnnamedError, StepUpRefusedError,
    StepUpWaitingError.
    """
    act.verify_named()
    permit = _Permit(means, principal, act, reference or "")
    try:
        with means.catalog.read() as session:
            _verify(session, permit, lock=False)
        with in_force(partial(_spend, permit)):
            yield
            _spend_what_is_left(permit)
    except StepUpRefusedError as error:
        # The transaction that was refused has left nothing; what was refused is written down in one of its own.
        raise means.refuse(principal, act, StepUpEvent(Step.USED, permit.challenge, error.refusal)) from None


def _spend_what_is_left(permit: _Permit) -> None:
    if not permit.spent:
        with permit.means.catalog.begin() as session:
            _spend(permit, session)


def _spend(permit: _Permit, session: Session) -> None:
    if permit.spent or permit.spending is session:
        return
    challenge = _verify(session, permit, lock=True)
    challenge.ended, challenge.ended_at = "used", permit.means.clock.now()
    challenge.ended_by = permit.principal.id
    permit.means.witness(session, permit.principal, permit.act, StepUpEvent(Step.USED, challenge.id))
    session.flush()
    permit.spending = session

    def remember(_: Session) -> None:
        permit.spent = True

    # Not before: a commit that fails leaves the step-up unspent, and a second try has to spend it again.
    event.listen(session, "after_commit", remember, once=True)


def _verify(session: Session, permit: _Permit, *, lock: bool) -> StepUpChallenge:
    now = permit.means.clock.now()
    refusal: Refusal | None = Refusal.MISSING
    challenge = None
    if permit.reference:
        challenge, refusal = find(session, permit.reference, now, lock=lock)
    permit.challenge = id_of(challenge)
    if challenge is None or refusal is not None:
        raise StepUpRefusedError(refusal or Refusal.UNKNOWN)
    _verify_meant(challenge, permit)
    _verify_ready(challenge, now)
    if challenge.needs_approval and not _is_fit(session, challenge.approved_by, needs_of(challenge.verb)):
        raise StepUpRefusedError(Refusal.APPROVER_GONE)
    if challenge.confirmed_at is None or now - challenge.confirmed_at >= FRESH:
        raise StepUpRefusedError(Refusal.EXPIRED)
    return challenge


def _verify_meant(challenge: StepUpChallenge, permit: _Permit) -> None:
    principal = permit.principal
    refusal = unfit(principal, needs_of(permit.act.verb))
    if refusal is None and challenge.account_id != principal.id:
        refusal = Refusal.OTHER_OPERATOR
    if refusal is None and not hmac.compare_digest(challenge.binding, permit.act.binding(principal.id)):
        refusal = Refusal.OTHER_ACT
    if refusal is None and challenge.confirmed_at is None:
        refusal = Refusal.UNCONFIRMED
    if refusal is None and challenge.confirmed_in != principal.session_id:
        refusal = Refusal.OTHER_SESSION
    if refusal is not None:
        raise StepUpRefusedError(refusal)


def _is_fit(session: Session, account_id: str | None, needs: Operation) -> bool:
    """Say whether whoever approved could do so now: between that and the act may lie two days."""
    account = session.get(Account, uuid.UUID(account_id), populate_existing=True) if account_id else None
    return account is not None and account.disabled_at is None and Role[account.role.upper()] >= needs.role


def _verify_ready(challenge: StepUpChallenge, now: datetime) -> None:
    if challenge.needs_approval and challenge.approved_by is None:
        raise StepUpWaitingError(
            f"{challenge.verb} of {challenge.target[:200]} waits for the approval of a second operator.",
            next_step=f"Have another admin approve the step-up {challenge.id} with a code of their own.",
        )
    ready_at = day_of(challenge)
    if ready_at is not None and now < ready_at:
        raise StepUpWaitingError(
            f"{challenge.verb} of {challenge.target[:200]} can be done from {ready_at:%Y-%m-%d %H:%M:%S} UTC on.",
            next_step=f"Confirm the step-up {challenge.id} with a fresh code then, and repeat the request.",
        )
