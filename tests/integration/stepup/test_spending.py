"""What a confirmed step-up permits, once, and in the transaction of the change."""

from concurrent.futures import ThreadPoolExecutor
from contextvars import Context
from typing import Any

import pytest
from sqlalchemy import text, update
from sqlalchemy.orm import Session

from strongroom.access.principals import Principal
from strongroom.catalog.accounts import Account
from strongroom.stepup.acts import Act
from strongroom.stepup.challenges import MOST_OPEN, ask, cancel
from strongroom.stepup.confirming import approve, confirm
from strongroom.stepup.errors import StepUpRefusedError, StepUpWaitingError, TooManyStepUpsError
from strongroom.stepup.spending import permitted
from tests.integration.stepup.conftest import Room, operator
from tests.services.operators import NOON

ANNA, BENTO = operator("anna"), operator("bento")
OVERWRITE = Act("restore.overwrite", "shop", "latest:shop")
RETIRE = Act("backup.retire", "shop", "0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d")
SCRATCH = Act("backup.retire", "scratch", "0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d")


def _confirmed(room: Room, act: Act, principal: Principal = ANNA, nth: int = 1) -> str:
    challenge = str(ask(room.means, principal, act).id)
    confirm(room.means, principal, challenge, code=f"{principal.name} {nth}", typed=act.target)
    return challenge


def _change(session: Session, name: str = "shop") -> None:
    session.execute(
        text("INSERT INTO schedule_progress (source, spec, followed_until) VALUES (:name, '', '2026-01-01 00:00:00')"),
        {"name": name},
    )


def _changes(room: Room) -> int:
    with room.means.catalog.read() as session:
        return session.scalar(text("SELECT count(*) FROM schedule_progress")) or 0


def test_a_step_up_permits_its_act_once(room: Room) -> None:
    challenge = _confirmed(room, OVERWRITE)
    with permitted(room.means, ANNA, OVERWRITE, challenge), room.means.catalog.begin() as session:
        _change(session)
    with pytest.raises(StepUpRefusedError), permitted(room.means, ANNA, OVERWRITE, challenge):
        pytest.fail("used twice")
    assert room.told[-2:] == [("anna", "used", None), ("anna", "used", "reused")]
    assert _changes(room) == 1


@pytest.mark.parametrize(
    ("act", "principal", "reason"),
    [
        (Act("restore.overwrite", "crm", "latest:shop"), ANNA, "other act"),
        (Act("restore.overwrite", "shop", "latest:crm"), ANNA, "other act"),
        (Act("alerts.mute", "shop", "latest:shop"), ANNA, "other act"),
        (OVERWRITE, BENTO, "other operator"),
        (OVERWRITE, Principal(ANNA.id, ANNA.name, ANNA.kind, ANNA.role, session_id="another"), "other session"),
    ],
)
def test_it_permits_nothing_else_and_nobody_else(room: Room, act: Act, principal: Principal, reason: str) -> None:
    challenge = _confirmed(room, OVERWRITE)
    with pytest.raises(StepUpRefusedError), permitted(room.means, principal, act, challenge):
        pytest.fail("permitted")
    assert room.told[-1] == (principal.name, "used", reason)


@pytest.mark.parametrize(
    ("reference", "reason"), [(None, "missing"), ("", "missing"), ("a" * 36, "malformed"), ("a" * 300, "oversized")]
)
def test_without_one_nothing_is_permitted(room: Room, reference: str | None, reason: str) -> None:
    with pytest.raises(StepUpRefusedError), permitted(room.means, ANNA, OVERWRITE, reference):
        pytest.fail("permitted")
    assert room.told == [("anna", "used", reason)]


def test_a_code_permits_for_two_minutes(room: Room) -> None:
    challenge = _confirmed(room, OVERWRITE)
    room.clock.pass_by(seconds=120)
    with pytest.raises(StepUpRefusedError), permitted(room.means, ANNA, OVERWRITE, challenge):
        pytest.fail("permitted")
    assert room.told[-1] == ("anna", "used", "expired")


def test_an_unconfirmed_or_cancelled_one_permits_nothing(room: Room) -> None:
    open_one, cancelled = str(ask(room.means, ANNA, OVERWRITE).id), _confirmed(room, OVERWRITE)
    cancel(room.means, BENTO, cancelled)
    for challenge in (open_one, cancelled):
        with pytest.raises(StepUpRefusedError), permitted(room.means, ANNA, OVERWRITE, challenge):
            pytest.fail("permitted")
    assert [refusal for *_, refusal in room.told[-2:]] == ["unconfirmed", "cancelled"]


def test_it_stays_unspent_where_the_change_fails(room: Room) -> None:
    challenge = _confirmed(room, OVERWRITE)
    with pytest.raises(LookupError):
        _fail(room, challenge)
    with permitted(room.means, ANNA, OVERWRITE, challenge), room.means.catalog.begin() as session:
        _change(session)
    assert _changes(room) == 1


def test_the_change_does_not_happen_where_it_was_spent_meanwhile(room: Room) -> None:
    challenge = _confirmed(room, OVERWRITE)
    with pytest.raises(StepUpRefusedError):
        _come_late(room, challenge)
    assert _changes(room) == 1
    assert room.told[-1] == ("anna", "used", "reused")


def _fail(room: Room, challenge: str) -> None:
    with permitted(room.means, ANNA, OVERWRITE, challenge), room.means.catalog.begin() as session:
        _change(session)
        raise LookupError


def _come_late(room: Room, challenge: str) -> None:
    with permitted(room.means, ANNA, OVERWRITE, challenge):
        Context().run(_spend_elsewhere, room, challenge)
        with room.means.catalog.begin() as session:
            _change(session, "again")


def _spend_elsewhere(room: Room, challenge: str) -> None:
    with permitted(room.means, ANNA, OVERWRITE, challenge), room.means.catalog.begin() as session:
        _change(session)


def test_it_is_spent_also_where_nothing_changes(room: Room) -> None:
    challenge = _confirmed(room, OVERWRITE)
    with permitted(room.means, ANNA, OVERWRITE, challenge):
        pass
    with pytest.raises(StepUpRefusedError), permitted(room.means, ANNA, OVERWRITE, challenge):
        pytest.fail("used twice")


def test_of_many_at_once_one_uses_it(room: Room) -> None:
    challenge = _confirmed(room, OVERWRITE)

    def use(number: int) -> bool:
        try:
            with permitted(room.means, ANNA, OVERWRITE, challenge), room.means.catalog.begin() as session:
                _change(session, f"source {number}")
        except StepUpRefusedError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(use, range(24))) == 1
    assert _changes(room) == 1


def test_many_asked_at_once_are_counted_one_after_the_other(room: Room) -> None:
    def asked(_: int) -> bool:
        try:
            ask(room.means, ANNA, RETIRE)
        except TooManyStepUpsError:
            return False
        return True

    with ThreadPoolExecutor(8) as threads:
        assert sum(threads.map(asked, range(3 * MOST_OPEN))) == MOST_OPEN


def test_a_second_person_and_a_day_are_waited_for(room: Room) -> None:
    challenge = _confirmed(room, RETIRE)
    _verify_waits(room, challenge, "second operator")
    approve(room.means, BENTO, challenge, code="bento 1")
    _verify_waits(room, challenge, "from 2026-05-05 12:00:00 UTC on")
    room.clock.pass_by(hours=24)
    with pytest.raises(StepUpRefusedError), permitted(room.means, ANNA, RETIRE, challenge):
        pytest.fail("with a code of yesterday")
    confirm(room.means, ANNA, challenge, code="anna 2", typed="shop")
    with permitted(room.means, ANNA, RETIRE, challenge):
        pass


def test_a_day_that_has_come_passes_too(room: Room) -> None:
    challenge = _confirmed(room, RETIRE)
    approve(room.means, BENTO, challenge, code="bento 1")
    room.clock.pass_by(hours=48)
    with pytest.raises(StepUpRefusedError):
        confirm(room.means, ANNA, challenge, code="anna 2", typed="shop")


@pytest.mark.parametrize("change", [{"disabled_at": NOON}, {"role": "operator"}])
def test_an_approval_ends_with_the_rights_of_whoever_gave_it(room: Room, change: dict[str, Any]) -> None:
    challenge = _confirmed(room, SCRATCH)
    approve(room.means, BENTO, challenge, code="bento 1")
    with room.means.catalog.alone() as connection:
        connection.execute(update(Account).where(Account.name == "bento").values(change))

    with pytest.raises(StepUpRefusedError), permitted(room.means, ANNA, SCRATCH, challenge):
        pytest.fail("approved by nobody who may")
    assert room.told[-1] == ("anna", "used", "approver gone")


def test_where_no_regulation_asks_for_a_day_there_is_none(room: Room) -> None:
    challenge = _confirmed(room, SCRATCH)
    approve(room.means, BENTO, challenge, code="bento 1")
    with permitted(room.means, ANNA, SCRATCH, challenge):
        pass
    assert ask(room.means, ANNA, Act("backup.retire", "a source nobody knows", "x")).needs_delay


def _verify_waits(room: Room, challenge: str, why: str) -> None:
    with pytest.raises(StepUpWaitingError, match=why), permitted(room.means, ANNA, RETIRE, challenge):
        pytest.fail("permitted")
