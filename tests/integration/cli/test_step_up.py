"""Commands that destroy, where operators have codes and where they have none."""

import io
import json
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.access.principals import Role
from strongroom.accounts import totp
from strongroom.accounts.mfa import Enrolment
from strongroom.cli.invocation import Invocation
from strongroom.cli.main import main
from strongroom.cli.operator_options import OperatorOptions
from strongroom.cli.stepping_up import stepped_up
from strongroom.errors import ExitCode
from strongroom.stepup.acts import Act
from strongroom.stepup.errors import StepUpWaitingError
from tests.services.operators import OperatorHouse

MUTE = ["alerts", "silence", "severity=*", "--for", "1m", "--reason", "the server is being moved"]
DESTROY = Act("keys.destroy", "v1")


@pytest.fixture
def call(operators: OperatorHouse, sqlite_catalog_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Return what calls the command, with these lines on stdin."""
    monkeypatch.setenv("STRONGROOM_CATALOG_URL", sqlite_catalog_url)
    monkeypatch.setenv("STRONGROOM_CONFIG", str(tmp_path / "strongroom.toml"))

    def called(*words: str, typed: str = "") -> int:
        monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return main(words)

    return called


def _code(enrolment: Enrolment, steps: int = 0) -> str:
    """Return what the app shows now: the command goes by the clock of the machine."""
    return totp.code_at(enrolment.secret, totp.step_of(datetime.now(UTC)) + steps)


def _admin(operators: OperatorHouse, name: str) -> tuple[Enrolment, list[str]]:
    operators.add(name, Role.ADMIN)
    return operators.enrol(name)


def test_without_operators_it_goes_on_as_before_and_says_so(call, capsys):
    assert call(*MUTE) == ExitCode.OK
    assert "nobody's code is asked for" in capsys.readouterr().err


def test_where_an_admin_has_codes_one_is_asked_for(operators, call, capsys):
    enrolment, _ = _admin(operators, "ana")
    assert call(*MUTE) == ExitCode.NOT_ALLOWED
    assert "--as OPERATOR" in capsys.readouterr().err
    assert call(*MUTE, "--as", "nobody") == ExitCode.NOT_ALLOWED
    assert call(*MUTE, "--as", "ana", typed="000000\n") == ExitCode.NOT_ALLOWED
    code = _code(enrolment)
    assert call(*MUTE, "--as", "ana", typed=f"{code}\n") == ExitCode.OK
    assert call(*MUTE, "--as", "ana", typed=f"{code}\n") == ExitCode.NOT_ALLOWED, "a code is good once"
    shown = capsys.readouterr()
    assert code not in shown.out + shown.err


def test_no_code_at_all_is_no_guess(operators, call, capsys):
    _admin(operators, "ana")

    assert call(*MUTE, "--as", "ana", typed="\n") == ExitCode.NOT_ALLOWED
    assert "No code of ana" in capsys.readouterr().err
    assert call("audit", "tail", "--action", "MFA_CHALLENGE_FAILED", "--json") == ExitCode.OK
    assert capsys.readouterr().out == ""


def test_a_factor_is_reset_by_another_admin_where_there_is_one(operators, call, capsys):
    _, anas = _admin(operators, "ana")
    reset = ("accounts", "mfa-reset", "ana", "--confirm", "ana", "--reason", "lost the phone, seen in person")
    _, ruis = _admin(operators, "rui")
    assert call(*reset, "--as", "ana", typed=f"{anas[0]}\n") == ExitCode.NOT_ALLOWED
    assert call(*reset, "--as", "rui", typed=f"{ruis[0]}\n") == ExitCode.OK
    alone = ("accounts", "mfa-reset", "rui", "--confirm", "rui", "--reason", "lost the phone, seen in person")
    assert call(*alone) == ExitCode.OK
    assert "nobody's code is asked for" in capsys.readouterr().err


def test_a_silence_of_one_thing_asks_nobody(operators, call):
    _admin(operators, "ana")
    assert call("alerts", "silence", "source=shop", "--for", "1m", "--reason", "is being moved") == ExitCode.OK


def test_a_second_operator_approves_in_the_same_call(operators, monkeypatch):
    _, anas = _admin(operators, "ana")
    _, ruis = _admin(operators, "rui")
    services = operators.services
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{anas[0]}\n{ruis[0]}\n"))
    with stepped_up(Invocation(), services, DESTROY, OperatorOptions("ana", "rui", None)):
        pass
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{anas[1]}\n"))
    alone = OperatorOptions("ana", None, None)
    with pytest.raises(StepUpWaitingError), stepped_up(Invocation(), services, DESTROY, alone):
        pytest.fail("alone")


def test_one_that_waits_is_listed_approved_and_gone_on_with(operators, call, capsys, monkeypatch):
    _, anas = _admin(operators, "ana")
    _, ruis = _admin(operators, "rui")
    operators.clock.at = datetime.now(UTC)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{anas[0]}\n"))
    alone = OperatorOptions("ana", None, None)
    with pytest.raises(StepUpWaitingError), stepped_up(Invocation(), operators.services, DESTROY, alone):
        pytest.fail("alone")
    capsys.readouterr()
    assert call("step-up", "list", "--json") == ExitCode.OK
    (waiting,) = json.loads(capsys.readouterr().out)["items"]
    assert (waiting["operator"], waiting["verb"], waiting["state"]) == ("ana", "keys.destroy", "to be approved")
    assert call("step-up", "approve", waiting["id"], "--as", "ana", typed=f"{anas[1]}\n") == ExitCode.NOT_ALLOWED
    assert call("step-up", "approve", waiting["id"], "--as", "rui", typed=f"{ruis[0]}\n") == ExitCode.OK
    operators.clock.at = datetime.now(UTC)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{anas[2]}\n"))
    again = OperatorOptions("ana", None, waiting["id"])
    with stepped_up(Invocation(), operators.services, DESTROY, again):
        pass


def test_anybody_with_an_account_cancels_one(operators, call, capsys, monkeypatch):
    _, anas = _admin(operators, "ana")
    _admin(operators, "rui")
    operators.clock.at = datetime.now(UTC)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{anas[0]}\n"))
    alone = OperatorOptions("ana", None, None)
    with pytest.raises(StepUpWaitingError), stepped_up(Invocation(), operators.services, DESTROY, alone):
        pytest.fail("alone")
    capsys.readouterr()
    call("step-up", "list", "--json")
    (waiting,) = json.loads(capsys.readouterr().out)["items"]
    assert call("step-up", "cancel", waiting["id"], "--as", "rui") == ExitCode.OK
    capsys.readouterr()
    call("step-up", "list", "--json")
    assert json.loads(capsys.readouterr().out)["items"] == []
