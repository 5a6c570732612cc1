"""Challenges and the codes that confirm them."""

import pytest

from strongroom.access.principals import Principal, PrincipalKind, Role
from strongroom.stepup.acts import Act
from strongroom.stepup.challenges import MOST_OPEN, ask, cancel, list_challenges
from strongroom.stepup.confirming import approve, confirm
from strongroom.stepup.errors import StepUpRefusedError, StepUpUnneededError, TooManyStepUpsError
from tests.integration.stepup.conftest import Room, WrongCodeError, operator

ANNA, BENTO = operator("anna"), operator("bento")
REVOKE = Act("peers.revoke", "porto")
RETIRE = Act("backup.retire", "scratch", "0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d")


@pytest.fixture
def catalog_url(sqlite_catalog_url: str) -> str:
    """SQLite alone: nothing here happens at once."""
    return sqlite_catalog_url


def test_a_challenge_waits_two_minutes_for_its_code(room: Room) -> None:
    challenge = ask(room.means, ANNA, REVOKE)
    room.clock.pass_by(seconds=119)
    assert confirm(room.means, ANNA, str(challenge.id), code="anna 1", typed="porto").confirmed_at
    late = ask(room.means, ANNA, REVOKE)
    room.clock.pass_by(seconds=120)
    with pytest.raises(StepUpRefusedError):
        confirm(room.means, ANNA, str(late.id), code="anna 2", typed="porto")
    assert room.told[-1] == ("anna", "confirmed", "expired")


def test_a_code_is_used_up_once_and_only_for_what_was_well_asked(room: Room) -> None:
    challenge = ask(room.means, ANNA, REVOKE)
    with pytest.raises(StepUpRefusedError):
        confirm(room.means, ANNA, str(challenge.id), code="anna 1", typed="lisbon")
    assert room.codes.used == []
    confirm(room.means, ANNA, str(challenge.id), code="anna 1", typed="porto")
    again = ask(room.means, ANNA, REVOKE)
    with pytest.raises(WrongCodeError):
        confirm(room.means, ANNA, str(again.id), code="anna 1", typed="porto")


def test_nobody_confirms_another_operators_challenge(room: Room) -> None:
    challenge = ask(room.means, ANNA, REVOKE)
    with pytest.raises(StepUpRefusedError):
        confirm(room.means, BENTO, str(challenge.id), code="bento 1", typed="porto")
    assert room.told[-1] == ("bento", "confirmed", "other operator")
    assert room.codes.used == []


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        ("", "malformed"),
        ("x" * 36, "malformed"),
        ("x" * 257, "oversized"),
        ("00000000-0000-7000-8000-000000000000", "unknown"),
    ],
)
def test_what_is_no_challenge_is_refused_in_the_same_words(room: Room, reference: str, reason: str) -> None:
    cancelled = ask(room.means, ANNA, REVOKE)
    cancel(room.means, ANNA, str(cancelled.id))
    with pytest.raises(StepUpRefusedError) as known:
        confirm(room.means, ANNA, str(cancelled.id), code="anna 1", typed="porto")
    with pytest.raises(StepUpRefusedError) as unknown:
        confirm(room.means, ANNA, reference, code="anna 1", typed="porto")
    assert str(known.value) == str(unknown.value)
    assert [refusal for *_, refusal in room.told[-2:]] == ["cancelled", reason]


def test_an_oversized_code_is_not_even_checked(room: Room) -> None:
    challenge = ask(room.means, ANNA, REVOKE)
    with pytest.raises(StepUpRefusedError):
        confirm(room.means, ANNA, str(challenge.id), code="anna " + "1" * 200, typed="porto")
    assert room.told[-1] == ("anna", "confirmed", "oversized")


def test_only_people_with_the_role_are_asked(room: Room) -> None:
    machine = Principal("ci", "ci", PrincipalKind.SERVICE)
    for principal, reason in ((machine, "not a person"), (operator("carla", Role.OPERATOR), "low role")):
        with pytest.raises(StepUpRefusedError):
            ask(room.means, principal, REVOKE)
        assert room.told[-1] == (principal.name, "asked", reason)
    overwrite = Act("restore.overwrite", "shop", "latest:shop")
    assert ask(room.means, operator("carla", Role.OPERATOR), overwrite).account_name == "carla"


@pytest.mark.parametrize("verb", ["backup.run", "cli: peers revoke", "POST /v1/retention/expiries", ""])
def test_only_verbs_of_the_table_are_asked_for(room: Room, verb: str) -> None:
    with pytest.raises(StepUpUnneededError):
        ask(room.means, ANNA, Act(verb, "shop"))


def test_an_operator_has_few_challenges_open(room: Room) -> None:
    for _ in range(MOST_OPEN):
        ask(room.means, ANNA, REVOKE)
    with pytest.raises(TooManyStepUpsError):
        ask(room.means, ANNA, REVOKE)
    ask(room.means, BENTO, REVOKE)
    room.clock.pass_by(minutes=2)
    ask(room.means, ANNA, REVOKE)
    assert len(list_challenges(room.means)) == 1


def test_the_second_person_is_another_one_with_a_code_of_their_own(room: Room) -> None:
    challenge = str(ask(room.means, ANNA, RETIRE).id)
    with pytest.raises(StepUpRefusedError):
        approve(room.means, BENTO, challenge, code="bento 1")
    confirm(room.means, ANNA, challenge, code="anna 1", typed="scratch")
    with pytest.raises(StepUpRefusedError):
        approve(room.means, ANNA, challenge, code="anna 2")
    with pytest.raises(WrongCodeError):
        approve(room.means, BENTO, challenge, code="anna 3")
    with pytest.raises(StepUpRefusedError):
        approve(room.means, operator("carla", Role.OPERATOR), challenge, code="carla 1")
    assert approve(room.means, BENTO, challenge, code="bento 1").approved_name == "bento"
    refused = [refusal for _, step, refusal in room.told if step == "approved"]
    assert refused == ["unconfirmed", "own approval", "wrong code", "low role", None]


def test_what_needs_no_second_person_takes_none(room: Room) -> None:
    challenge = str(ask(room.means, ANNA, REVOKE).id)
    confirm(room.means, ANNA, challenge, code="anna 1", typed="porto")
    with pytest.raises(StepUpRefusedError):
        approve(room.means, BENTO, challenge, code="bento 1")
    assert room.told[-1] == ("bento", "approved", "approval not needed")
