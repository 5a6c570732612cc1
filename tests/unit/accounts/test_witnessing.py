"""Everything around logins is written down under its own name, without what was typed."""

import pytest

from strongroom.accounts.errors import MFAError
from strongroom.errors import StrongroomError
from tests.services.operators import ADDRESS, PASSWORD, OperatorHouse, wrong_code


def written(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return what was written down since the last call: event and reason."""
    lines = [record.getMessage() for record in caplog.records if record.name.endswith("accounts.witnessing")]
    caplog.clear()
    return [" ".join(word.removeprefix("reason=") for word in line.split() if "user_id" not in word) for line in lines]


def refused(house: OperatorHouse, name: str, password: str) -> None:
    with pytest.raises(StrongroomError):
        house.operators.login.begin(name, password, ADDRESS)


def test_refused_logins_are_told_apart(operators: OperatorHouse, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    for name in ("ana", "off"):
        operators.add(name)
    operators.operators.accounts.disable("off")
    assert written(caplog) == ["user_created operator", "user_created operator", "user_updated disabled"]

    refused(operators, "ana", "a wrong password")
    refused(operators, "nobody", PASSWORD)
    refused(operators, "off", PASSWORD)
    assert "a wrong password" not in caplog.text
    assert written(caplog) == ["authn_login_fail wrong", "authn_login_fail unknown", "authn_login_fail disabled"]
    for _ in range(5):
        refused(operators, "ana", "a wrong password")
    assert written(caplog)[-1] == "authn_login_fail_max"


def test_codes_are_told_apart(operators: OperatorHouse, caplog: pytest.LogCaptureFixture) -> None:
    operators.add()
    caplog.set_level("INFO")
    enrolment, _ = operators.enrol()
    assert written(caplog) == ["authn_login_success", "MFA_ENROLLED"]
    code = operators.code(enrolment)
    operators.log_in_with(code)
    assert written(caplog) == ["MFA_CHALLENGE_PASSED totp", "authn_login_success"]
    for shown, reason in ((code, "reused"), (wrong_code(operators, enrolment), "wrong"), ("x" * 1000, "wrong")):
        with pytest.raises(MFAError):
            operators.log_in_with(shown)
        assert written(caplog) == [f"MFA_CHALLENGE_FAILED {reason}"]


def test_what_is_too_much_is_written_down(operators: OperatorHouse, caplog: pytest.LogCaptureFixture) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    caplog.set_level("INFO")
    for _ in range(6):
        with pytest.raises(StrongroomError):
            operators.log_in_with(wrong_code(operators, enrolment))
    assert written(caplog)[-2:] == ["excess_rate_limit_exceeded codes", "MFA_CHALLENGE_FAILED too_many"]
    operators.limiter.most = 0
    refused(operators, "ana", PASSWORD)
    assert written(caplog) == ["excess_rate_limit_exceeded address"]


def test_a_factor_that_is_locked_is_written_down(operators: OperatorHouse, caplog: pytest.LogCaptureFixture) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    mine = operators.operators.accounts.get("ana").id
    caplog.set_level("INFO")
    for _ in range(100):
        with pytest.raises(MFAError):
            operators.operators.codes.verify(mine, wrong_code(operators, enrolment), operators.clock.now())
        operators.clock.move(minutes=30)
    assert written(caplog)[-2:] == ["authn_login_lock codes", "MFA_CHALLENGE_FAILED wrong"]


def test_changes_of_a_factor_and_of_sessions_are_written_down(
    operators: OperatorHouse, caplog: pytest.LogCaptureFixture
) -> None:
    operators.add()
    enrolment, codes = operators.enrol()
    caplog.set_level("INFO")
    who = operators.log_in_with(codes[0])
    operators.operators.mfa.regenerate(who, operators.code(enrolment))
    operators.clock.move(seconds=30)
    operators.operators.mfa.disable(who, PASSWORD, operators.code(enrolment))
    operators.operators.sessions.logout(who)
    operators.operators.accounts.set_password("ana", PASSWORD)
    operators.operators.accounts.reset_mfa("ana", "rui", "lost the phone")

    assert [line for line in written(caplog) if "CHALLENGE" not in line] == [
        "authn_login_success",
        "MFA_BACKUP_CODES_REGENERATED",
        "MFA_DISABLED",
        "authn_token_revoked",
        "authn_password_change",
        "MFA_DISABLED reset: lost the phone",
    ]


def test_a_stolen_refresh_token_is_written_down(operators: OperatorHouse, caplog: pytest.LogCaptureFixture) -> None:
    operators.add()
    pair = operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair
    assert pair is not None
    operators.operators.sessions.refresh(pair.refresh_token)
    caplog.set_level("INFO")
    with pytest.raises(StrongroomError):
        operators.operators.sessions.refresh(pair.refresh_token)

    assert written(caplog) == ["authn_token_reuse refresh token"]
