"""Challenges: asked for by an operator, listed, cancelled."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from sqlalchemy.orm import Session

from strongroom.access.operation import Gravity, Operation
from strongroom.access.operations import OPERATIONS
from strongroom.access.principals import Principal, PrincipalKind
from strongroom.catalog.accounts import lock_account
from strongroom.catalog.session import Catalog
from strongroom.catalog.step_up import StepUpChallenge, count_open, find_challenge, forget_challenges, list_open
from strongroom.clock import Clock, RandomBytes
from strongroom.ids import new_id
from strongroom.settings import Settings
from strongroom.stepup.acts import MOST_NAME, MOST_SUBJECT, Act, is_regulated
from strongroom.stepup.errors import Refusal, StepUpRefusedError, StepUpUnneededError, TooManyStepUpsError

FRESH = timedelta(minutes=2)
"""How long a challenge waits for its code, and how long a code permits the act."""
APPROVABLE = timedelta(hours=1)
"""How long a confirmed challenge waits for a second person."""
DELAY = timedelta(hours=24)
AFTER_DELAY = timedelta(hours=24)
"""How long the act can still be done once its day has come."""
KEPT = timedelta(days=7)
MOST_OPEN = 20
MOST_LISTED = 100


class CodeCheck(Protocol):
    """Whoever knows operators' factors."""

    def verify(self, account_id: uuid.UUID, code: str, now: datetime) -> object:
        """Use up a fresh code of an operator; raises NotAllowedError when it is none, and counts that."""


class Step(StrEnum):
    """What happens to a step-up."""

    ASKED = "asked"
    CONFIRMED = "confirmed"
    APPROVED = "approved"
    CANCELLED = "cancelled"
    USED = "used"


@dataclass(frozen=True, slots=True)
class StepUpEvent:
    """One thing that happened to a step-up; with a refusal it did not."""

    step: Step
    challenge: uuid.UUID | None
    refusal: Refusal | None = None


class Witness(Protocol):
    """Whoever writes down what happened to step-ups, in the transaction that is given."""

    def __call__(self, session: Session, principal: Principal, act: Act, event: StepUpEvent) -> None:
        """Write down one thing that happened."""


@dataclass(frozen=True, slots=True)
class StepUps:
    """What step-ups work with."""

    catalog: Catalog
    settings: Settings
    clock: Clock
    random: RandomBytes
    codes: CodeCheck
    witness: Witness

    def refuse(self, principal: Principal, act: Act, event: StepUpEvent) -> StepUpRefusedError:
        """Write a refusal down, in a transaction of its own, and return the error to raise."""
        with self.catalog.aside() as session:
            self.witness(session, principal, act, event)
        return StepUpRefusedError(event.refusal or Refusal.UNKNOWN)


def needs_of(verb: str) -> Operation:
    """Return what the matrix asks of a verb; raises StepUpUnneededError."""
    operation = OPERATIONS.get(verb)
    # Routes and commands have rows there too; their names have a space.
    if operation is None or operation.gravity is not Gravity.DESTROY or " " in verb:
        raise StepUpUnneededError(
            f"{verb[:32]!r} is not a verb of an act that destroys.", next_step="The verbs stand in docs/step-up.md."
        )
    return operation


def ask(means: StepUps, principal: Principal, act: Act) -> StepUpChallenge:
    """Begin a step-up: a challenge that waits two minutes for a code.

    Raises StepUpUnneededError, StepUpUnnamedError, StepUpRefusedError, TooManyStepUpsError.
    """
    needs = needs_of(act.verb)
    act.verify_named()
    if (refusal := unfit(principal, needs) or _oversized(act)) is not None:
        raise means.refuse(principal, Act(act.verb, "", ""), StepUpEvent(Step.ASKED, None, refusal))
    now = means.clock.now()
    with means.catalog.begin() as session:
        # Whoever asks many times at once is counted one after the other.
        lock_account(session, uuid.UUID(principal.id))
        forget_challenges(session, now - KEPT)
        if count_open(session, principal.id, now) >= MOST_OPEN:
            raise TooManyStepUpsError(
                f"{principal.name} has {MOST_OPEN} step-ups open.", next_step="Cancel some, or wait two minutes."
            )
        challenge = StepUpChallenge(
            id=new_id(means.clock, means.random),
            account_id=principal.id,
            account_name=principal.name,
            verb=act.verb,
            target=act.target,
            subject=act.subject,
            binding=act.binding(principal.id),
            needs_approval=needs.second_person,
            needs_delay=needs.delay and is_regulated(means.settings, act.target),
            created_at=now,
            expires_at=now + FRESH,
        )
        session.add(challenge)
        means.witness(session, principal, act, StepUpEvent(Step.ASKED, challenge.id))
    return challenge


def list_challenges(means: StepUps) -> Sequence[StepUpChallenge]:
    """Return the step-ups that are open, newest first: what a second person is asked to look at."""
    with means.catalog.read() as session:
        return list_open(session, means.clock.now(), MOST_LISTED)


def cancel(means: StepUps, principal: Principal, reference: str) -> StepUpChallenge:
    """End a step-up of anybody's before it is used; raises StepUpRefusedError."""
    with means.catalog.begin() as session:
        challenge, refusal = find(session, reference, means.clock.now())
        if challenge is not None and refusal is None:
            challenge.ended, challenge.ended_at, challenge.ended_by = "cancelled", means.clock.now(), principal.id
            means.witness(session, principal, act_of(challenge), StepUpEvent(Step.CANCELLED, challenge.id))
            return challenge
    raise means.refuse(principal, act_of(challenge), StepUpEvent(Step.CANCELLED, id_of(challenge), refusal))


def find(
    session: Session, reference: str, now: datetime, *, lock: bool = True
) -> tuple[StepUpChallenge | None, Refusal | None]:
    """Return a challenge, locked unless one only looks, and why it can not be used any more, whoever asks."""
    if (identifier := _parse(reference)) is None:
        return None, Refusal.MALFORMED if len(reference) <= MOST_SUBJECT else Refusal.OVERSIZED
    challenge = find_challenge(session, identifier, lock=lock)
    if challenge is None:
        return None, Refusal.UNKNOWN
    if challenge.ended is not None:
        return challenge, Refusal.REUSED if challenge.ended == "used" else Refusal.CANCELLED
    return challenge, Refusal.EXPIRED if challenge.expires_at <= now else None


def day_of(challenge: StepUpChallenge) -> datetime | None:
    """Return from when on the act can be done; none where that is at once, or where nobody has confirmed it yet."""
    return challenge.asked_at + DELAY if challenge.needs_delay and challenge.asked_at else None


def act_of(challenge: StepUpChallenge | None) -> Act:
    """Return the act of a challenge; an empty one where there is no challenge."""
    return Act("", "") if challenge is None else Act(challenge.verb, challenge.target, challenge.subject)


def id_of(challenge: StepUpChallenge | None) -> uuid.UUID | None:
    """Return the id of a challenge where there is one."""
    return None if challenge is None else challenge.id


def unfit(principal: Principal, needs: Operation) -> Refusal | None:
    """Say why somebody's code is not to be asked for at all."""
    if principal.kind is not PrincipalKind.OPERATOR:
        return Refusal.NOT_A_PERSON
    return Refusal.LOW_ROLE if principal.role is None or principal.role < needs.role else None


def _oversized(act: Act) -> Refusal | None:
    fits = len(act.target) <= MOST_NAME and len(act.subject) <= MOST_SUBJECT
    return None if fits else Refusal.OVERSIZED


def _parse(reference: str) -> uuid.UUID | None:
    try:
        return uuid.UUID(reference) if len(reference) == 36 else None
    except ValueError:
        return None
