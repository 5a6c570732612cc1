"""What operators do with their second factor, and what they cannot."""

import base64
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from strongroom.access.principals import Role
from strongroom.accounts.errors import (
    LoginRefusedError,
    MFACodeReusedError,
    MFAEnabledAlreadyError,
    MFAInvalidCodeError,
    MFANotEnrolledError,
    MFANothingPendingError,
    MFAOffError,
    MFARequiredError,
    TokenExpiredOrWrongError,
)
from strongroom.catalog.accounts import AccountBackupCode, AccountFactor
from strongroom.catalog.alerts import Severity
from tests.services.operators import ADDRESS, PASSWORD, OpenOperators, OperatorHouse, alerts, wrong_code

WRONG = "000000"


def test_enabling_shows_secret_address_and_qr_code(operators: OperatorHouse) -> None:
    operators.add()
    enrolment = operators.operators.mfa.enable(operators.log_in())

    assert len(base64.b32decode(enrolment.secret)) == 20
    assert f"secret={enrolment.secret}" in enrolment.otpauth_uri
    assert "issuer=Strongroom" in enrolment.otpauth_uri
    assert base64.b64decode(enrolment.qr_code).startswith(b"\x89PNG")
    assert enrolment.secret not in repr(enrolment)


def test_the_issuer_is_that_of_the_environment(open_house: OpenOperators, sqlite_catalog_url: str) -> None:
    house = open_house(sqlite_catalog_url, MFA_ISSUER_NAME="3dPot")
    house.add()

    assert "issuer=3dPot" in house.operators.mfa.enable(house.log_in()).otpauth_uri


def test_a_secret_that_is_not_confirmed_counts_for_nothing(operators: OperatorHouse) -> None:
    operators.add()
    operators.operators.mfa.enable(operators.log_in())

    assert operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair is not None


def test_confirming_gives_ten_backup_codes_and_asks_for_a_code_from_then_on(operators: OperatorHouse) -> None:
    operators.add()
    _, codes = operators.enrol()

    assert len(set(codes)) == 10
    answer = operators.operators.login.begin("ana", PASSWORD, ADDRESS)
    assert (answer.pair, answer.enroll_token, answer.expires_in) == (None, None, 300)
    assert answer.mfa_token


def test_confirming_with_a_wrong_code_fails_and_leaves_the_secret_pending(operators: OperatorHouse) -> None:
    operators.add()
    who = operators.log_in()
    enrolment = operators.operators.mfa.enable(who)

    with pytest.raises(MFAInvalidCodeError):
        operators.operators.mfa.confirm(who, wrong_code(operators, enrolment))
    assert len(operators.operators.mfa.confirm(who, operators.code(enrolment))) == 10


def test_confirming_without_a_pending_secret_fails(operators: OperatorHouse) -> None:
    operators.add()

    with pytest.raises(MFANothingPendingError):
        operators.operators.mfa.confirm(operators.log_in(), WRONG)


def test_a_pending_secret_expires_after_ten_minutes(operators: OperatorHouse) -> None:
    operators.add()
    who = operators.log_in()
    enrolment = operators.operators.mfa.enable(who)
    operators.clock.move(minutes=10)

    with pytest.raises(MFANothingPendingError):
        operators.operators.mfa.confirm(who, operators.code(enrolment))


def test_the_code_that_confirmed_cannot_log_in(operators: OperatorHouse) -> None:
    operators.add()
    who = operators.log_in()
    enrolment = operators.operators.mfa.enable(who)
    code = operators.code(enrolment)
    operators.operators.mfa.confirm(who, code)

    with pytest.raises(MFACodeReusedError):
        operators.log_in_with(code)


def test_a_code_logs_in_once(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    code = operators.code(enrolment)

    assert operators.log_in_with(code).name == "ana"
    with pytest.raises(MFACodeReusedError):
        operators.log_in_with(code)


def test_an_older_code_of_the_window_is_used_too(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    operators.clock.move(seconds=60)
    operators.log_in_with(operators.code(enrolment))

    with pytest.raises(MFACodeReusedError):
        operators.log_in_with(operators.code(enrolment, -1))


@pytest.mark.parametrize(("steps", "right"), [(-1, True), (0, True), (1, True), (-2, False), (2, False)])
def test_a_code_is_taken_one_step_early_or_late(operators: OperatorHouse, steps: int, right: bool) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    operators.clock.move(minutes=5)

    if right:
        assert operators.log_in_with(operators.code(enrolment, steps))
        return
    with pytest.raises(MFAInvalidCodeError, match=r"clock is about 60 s (ahead|behind)"):
        operators.log_in_with(operators.code(enrolment, steps))


def test_a_window_of_no_steps_takes_the_present_code_only(open_house: OpenOperators, sqlite_catalog_url: str) -> None:
    house = open_house(sqlite_catalog_url, MFA_TOTP_WINDOW_STEPS="0")
    house.add()
    enrolment, _ = house.enrol()
    house.clock.move(minutes=5)

    with pytest.raises(MFAInvalidCodeError):
        house.log_in_with(house.code(enrolment, -1))
    assert house.log_in_with(house.code(enrolment))


@pytest.mark.parametrize(
    "code", ["", "12345", "1234567", "abcdef", "１２３４５６", "x" * 100_000, "-" * 24, "0\x0000000"]
)
def test_what_is_no_code_is_a_wrong_code(operators: OperatorHouse, code: str) -> None:
    operators.add()
    operators.enrol()

    with pytest.raises(MFAInvalidCodeError):
        operators.log_in_with(code)


def test_a_code_may_have_a_space_in_the_middle(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    code = operators.code(enrolment)

    assert operators.log_in_with(f"{code[:3]} {code[3:]}")


def test_a_backup_code_logs_in_once(operators: OperatorHouse) -> None:
    operators.add()
    _, codes = operators.enrol()

    assert operators.log_in_with(codes[0])
    with pytest.raises(MFAInvalidCodeError):
        operators.log_in_with(codes[0])


@pytest.mark.parametrize("write", [str.lower, lambda code: code.replace("-", " "), lambda code: code.replace("-", "")])
def test_a_backup_code_is_read_however_it_is_written(operators: OperatorHouse, write: Callable[[str], str]) -> None:
    operators.add()
    _, codes = operators.enrol()

    assert operators.log_in_with(write(codes[3]))


def test_a_backup_code_of_somebody_else_is_wrong(operators: OperatorHouse) -> None:
    for name in ("ana", "rui"):
        operators.add(name)
    operators.enrol("ana")
    _, codes = operators.enrol("rui")

    with pytest.raises(MFAInvalidCodeError):
        operators.log_in_with(codes[0], "ana")


def test_backup_codes_are_stored_as_digests_only(operators: OperatorHouse) -> None:
    operators.add()
    _, codes = operators.enrol()

    with operators.services.catalog.read() as session:
        stored = session.scalars(select(AccountBackupCode.digest)).all()
    assert {len(digest) for digest in stored} == {32}
    assert not any(code.replace("-", "").encode() in digest for code in codes for digest in stored)


def test_few_backup_codes_are_a_warning_and_an_alert(operators: OperatorHouse) -> None:
    operators.add()
    _, codes = operators.enrol()
    who = operators.log_in_with(codes[0])
    assert operators.operators.mfa.status(who).warning is None
    for code in codes[1:7]:
        operators.operators.mfa.verify(who, code)

    status = operators.operators.mfa.status(who)
    assert (status.backup_codes_remaining, status.warning) == (3, "Only 3 backup codes are left; make new ones.")
    assert alerts(operators) == {"accounts.codes_low.ana": Severity.LOW}


def test_new_backup_codes_end_the_old_ones(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, old = operators.enrol()
    who = operators.log_in_with(operators.code(enrolment))
    operators.clock.move(seconds=30)
    new = operators.operators.mfa.regenerate(who, operators.code(enrolment))

    assert not set(old) & set(new)
    with pytest.raises(MFAInvalidCodeError):
        operators.log_in_with(old[0])
    assert operators.log_in_with(new[0])


def test_new_backup_codes_take_a_code(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, old = operators.enrol()
    who = operators.log_in_with(operators.code(enrolment))

    with pytest.raises(MFAInvalidCodeError):
        operators.operators.mfa.regenerate(who, wrong_code(operators, enrolment))
    assert operators.log_in_with(old[0])


def test_enabling_again_needs_a_code_however_fresh_the_session_is(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    who = operators.log_in_with(operators.code(enrolment))
    mfa = operators.operators.mfa

    with pytest.raises(MFAEnabledAlreadyError):
        mfa.enable(who)
    with pytest.raises(MFACodeReusedError):
        mfa.enable(who, operators.code(enrolment))
    with pytest.raises(MFAInvalidCodeError):
        mfa.enable(who, wrong_code(operators, enrolment))
    with pytest.raises(MFANothingPendingError):
        mfa.confirm(who, "123456")


def test_a_factor_is_replaced_with_a_code_of_it_and_people_hear_of_that(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, old_codes = operators.enrol()
    who = operators.log_in_with(operators.code(enrolment))
    operators.clock.move(minutes=11)
    new = operators.operators.mfa.enable(who, operators.code(enrolment))
    assert alerts(operators) == {}
    operators.operators.mfa.confirm(who, operators.code(new))
    operators.clock.move(seconds=60)

    with pytest.raises(MFAInvalidCodeError):
        operators.log_in_with(operators.code(enrolment))
    with pytest.raises(MFAInvalidCodeError):
        operators.log_in_with(old_codes[0])
    assert operators.log_in_with(operators.code(new))
    assert alerts(operators) == {"accounts.factor_replaced.ana": Severity.MEDIUM}


def test_disabling_takes_password_and_code_and_clears_the_secret(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    who = operators.log_in_with(operators.code(enrolment))
    operators.clock.move(seconds=30)
    operators.operators.mfa.disable(who, PASSWORD, operators.code(enrolment))

    with operators.services.catalog.read() as session:
        assert session.scalars(select(AccountFactor.id)).all() == []
        assert session.scalars(select(AccountBackupCode.digest)).all() == []
    assert operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair is not None
    assert alerts(operators) == {"accounts.factor_off.ana": Severity.MEDIUM}


def test_disabling_with_a_wrong_password_or_a_wrong_code_changes_nothing(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    who = operators.log_in_with(operators.code(enrolment))
    operators.clock.move(seconds=30)

    with pytest.raises(LoginRefusedError):
        operators.operators.mfa.disable(who, "not " + PASSWORD, operators.code(enrolment))
    with pytest.raises(MFAInvalidCodeError):
        operators.operators.mfa.disable(who, PASSWORD, wrong_code(operators, enrolment))
    assert operators.operators.mfa.status(who).mfa_enabled


def test_disabling_ends_other_sessions_and_keeps_its_own(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, codes = operators.enrol()
    tokens = [operators.operators.login.complete_mfa_login(operators.mfa_token(), codes[n], ADDRESS) for n in (0, 1)]
    who = operators.operators.sessions.authenticate(tokens[1].access_token)
    operators.operators.mfa.disable(who, PASSWORD, operators.code(enrolment))

    assert operators.operators.sessions.authenticate(tokens[1].access_token)
    with pytest.raises(TokenExpiredOrWrongError):
        operators.operators.sessions.authenticate(tokens[0].access_token)


def test_an_administrator_cannot_disable_where_it_is_required(operators: OperatorHouse) -> None:
    operators.add(role=Role.ADMIN)
    enrolment, _ = operators.enrol()
    who = operators.log_in_with(operators.code(enrolment))
    operators.clock.move(seconds=30)

    with pytest.raises(MFARequiredError):
        operators.operators.mfa.disable(who, PASSWORD, operators.code(enrolment))


def test_an_administrator_may_where_it_is_not(open_house: OpenOperators, sqlite_catalog_url: str) -> None:
    house = open_house(sqlite_catalog_url, MFA_REQUIRED_FOR_ADMIN="false")
    house.add(role=Role.ADMIN)
    enrolment, _ = house.enrol()
    who = house.log_in_with(house.code(enrolment))
    house.clock.move(seconds=30)
    house.operators.mfa.disable(who, PASSWORD, house.code(enrolment))

    assert not house.operators.mfa.status(who).mfa_enabled


def test_an_administrator_without_a_factor_gets_a_token_for_enrolling_only(operators: OperatorHouse) -> None:
    operators.add(role=Role.ADMIN)
    answer = operators.operators.login.begin("ana", PASSWORD, ADDRESS)

    assert (answer.pair, answer.mfa_token) == (None, None)
    who = operators.operators.sessions.authenticate(answer.enroll_token or "")
    assert (who.enrolling, who.factor_at, who.session_id) == (True, None, None)


def test_a_token_for_enrolling_ends_with_the_enrolment(operators: OperatorHouse) -> None:
    operators.add(role=Role.ADMIN)
    token = operators.operators.login.begin("ana", PASSWORD, ADDRESS).enroll_token or ""
    operators.enrol()

    with pytest.raises(TokenExpiredOrWrongError):
        operators.operators.sessions.authenticate(token)


def test_who_is_no_administrator_logs_in_without_a_factor(operators: OperatorHouse) -> None:
    operators.add()

    assert operators.log_in().factor_at == operators.clock.now()


def test_switched_off_a_password_is_enough_for_who_has_a_factor(
    operators: OperatorHouse, open_house: OpenOperators, sqlite_catalog_url: str
) -> None:
    operators.add(role=Role.ADMIN)
    operators.enrol()
    off = open_house(sqlite_catalog_url, MFA_ENABLED="false")

    who = off.log_in()
    for call in (off.operators.mfa.enable, lambda who: off.operators.mfa.verify(who, WRONG)):
        with pytest.raises(MFAOffError):
            call(who)


def test_a_code_of_who_has_no_factor_is_refused_as_such(operators: OperatorHouse) -> None:
    operators.add()

    with pytest.raises(MFANotEnrolledError):
        operators.operators.mfa.verify(operators.log_in(), WRONG)


def test_a_code_renews_when_the_session_has_shown_a_factor(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    pair = operators.operators.login.complete_mfa_login(operators.mfa_token(), operators.code(enrolment), ADDRESS)
    operators.clock.move(minutes=12)
    who = operators.operators.sessions.authenticate(pair.access_token)
    assert who.factor_at == operators.clock.now() - timedelta(minutes=12)
    operators.operators.mfa.verify(who, operators.code(enrolment))

    assert operators.operators.sessions.authenticate(pair.access_token).factor_at == operators.clock.now()
