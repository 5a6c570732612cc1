"""Proof that a person is there and means it: a code that no one has used, and the target's name typed."""

import hmac
import uuid
from datetime import datetime

from strongroom.access.principals import Principal
from strongroom.catalog.step_up import StepUpChallenge
from strongroom.errors import NotAllowedError
from strongroom.stepup.challenges import (
    AFTER_DELAY,
    APPROVABLE,
    DELAY,
    FRESH,
    Step,
    StepUpEvent,
    StepUps,
    act_of,
    find,
    id_of,
    needs_of,
    unfit,
)
from strongroom.stepup.errors import Refusal

MOST_CODE = 128


def confirm(means: StepUps, principal: Principal, reference: str, *, code: str, typed: str) -> StepUpChallenge:
    """Confirm one's own challenge: it then permits its act for two minutes, once what else it needs has come.

    May be done again with another code while a challenge waits for a second person or for its day. Raises
    StepUpRefusedError, and what the check of the code raises.
    """
    _look(means, principal, reference, Step.CONFIRMED, code=code, typed=typed)
    _use_up(means, principal, reference, Step.CONFIRMED, code)
    now = means.clock.now()
    with means.catalog.begin() as session:
        challenge, refusal = find(session, reference, now)
        if challenge is not None and refusal is None:
            challenge.confirmed_at, challenge.confirmed_in = now, principal.session_id
            challenge.asked_at = challenge.asked_at or now
            challenge.expires_at = max(challenge.expires_at, _end(challenge, challenge.asked_at))
            means.witness(session, principal, act_of(challenge), StepUpEvent(Step.CONFIRMED, challenge.id))
            return challenge
    raise means.refuse(principal, act_of(challenge), StepUpEvent(Step.CONFIRMED, id_of(challenge), refusal))


def approve(means: StepUps, principal: Principal, reference: str, *, code: str) -> StepUpChallenge:
    """Approve another operator's confirmed challenge, with a code of one's own.

    Raises StepUpRefusedError, and what the check of the code raises.
    """
    _look(means, principal, reference, Step.APPROVED, code=code, typed=None)
    _use_up(means, principal, reference, Step.APPROVED, code)
    now = means.clock.now()
    with means.catalog.begin() as session:
        challenge, refusal = find(session, reference, now)
        if challenge is not None and refusal is None:
            challenge.approved_at, challenge.approved_by = now, principal.id
            challenge.approved_name = principal.name
            # Whoever asked still has to do it, with a code that is fresh then.
            challenge.expires_at = max(challenge.expires_at, now + APPROVABLE)
            means.witness(session, principal, act_of(challenge), StepUpEvent(Step.APPROVED, challenge.id))
            return challenge
    raise means.refuse(principal, act_of(challenge), StepUpEvent(Step.APPROVED, id_of(challenge), refusal))


def _look(means: StepUps, principal: Principal, reference: str, step: Step, *, code: str, typed: str | None) -> None:
    """Refuse what is wrong before a code is used up for it."""
    with means.catalog.read() as session:
        challenge, refusal = find(session, reference, means.clock.now(), lock=False)
    if challenge is not None and refusal is None:
        whose = _whose(challenge, principal) if step is Step.CONFIRMED else _anothers(challenge, principal)
        refusal = unfit(principal, needs_of(challenge.verb)) or whose or _misspelt(challenge, code, typed)
    if refusal is not None:
        raise means.refuse(principal, act_of(challenge), StepUpEvent(step, id_of(challenge), refusal))


def _use_up(means: StepUps, principal: Principal, reference: str, step: Step, code: str) -> None:
    try:
        means.codes.verify(uuid.UUID(principal.id), code, means.clock.now())
    except NotAllowedError:
        with means.catalog.aside() as session:
            challenge, _ = find(session, reference, means.clock.now(), lock=False)
            event = StepUpEvent(step, id_of(challenge), Refusal.WRONG_CODE)
            means.witness(session, principal, act_of(challenge), event)
        raise


def _whose(challenge: StepUpChallenge, principal: Principal) -> Refusal | None:
    return None if challenge.account_id == principal.id else Refusal.OTHER_OPERATOR


def _anothers(challenge: StepUpChallenge, principal: Principal) -> Refusal | None:
    if challenge.account_id == principal.id:
        return Refusal.OWN_APPROVAL
    if challenge.asked_at is None:
        return Refusal.UNCONFIRMED
    return None if challenge.needs_approval and challenge.approved_by is None else Refusal.UNNEEDED


def _misspelt(challenge: StepUpChallenge, code: str, typed: str | None) -> Refusal | None:
    if len(code) > MOST_CODE:
        return Refusal.OVERSIZED
    if typed is None or hmac.compare_digest(typed.encode(), challenge.target.encode()):
        return None
    return Refusal.WRONG_NAME


def _end(challenge: StepUpChallenge, asked_at: datetime) -> datetime:
    if challenge.needs_delay:
        return asked_at + DELAY + AFTER_DELAY
    confirmed_at = challenge.confirmed_at or asked_at
    return confirmed_at + (APPROVABLE if challenge.needs_approval else FRESH)
