"""How many wrong codes are looked at, who hears of them, and how a factor that was lost is reset."""

import pytest

from strongroom.accounts.errors import (
    MFACodeReusedError,
    MFACodesLockedError,
    MFAInvalidCodeError,
    ReasonMissingError,
    TokenExpiredOrWrongError,
    TooManyAttemptsError,
)
from strongroom.catalog.alerts import Severity
from tests.services.operators import ADDRESS, PASSWORD, OperatorHouse, alerts, wrong_code


def test_five_wrong_codes_in_five_minutes_are_enough_over_all_logins(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, codes = operators.enrol()
    for _ in range(5):
        with pytest.raises(MFAInvalidCodeError):
            operators.log_in_with(wrong_code(operators, enrolment))

    for code in (operators.code(enrolment), codes[0]):
        with pytest.raises(TooManyAttemptsError):
            operators.log_in_with(code)
    operators.clock.move(minutes=5)
    assert operators.log_in_with(operators.code(enrolment))


def test_twenty_wrong_codes_in_an_hour_and_fifty_in_a_day_are_enough(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    looked_at = []
    for _ in range(4):
        begun = sum(looked_at)
        for _ in range(5):
            looked_at.append(sum(is_looked_at(operators, wrong_code(operators, enrolment)) for _ in range(6)))
            operators.clock.move(minutes=5)
        assert sum(looked_at) - begun <= 20
        operators.clock.move(minutes=35)

    assert (looked_at[:5], sum(looked_at)) == ([5, 5, 5, 5, 0], 50)
    operators.clock.move(hours=20)
    assert is_looked_at(operators, wrong_code(operators, enrolment))


def is_looked_at(house: OperatorHouse, code: str) -> bool:
    """Say whether a wrong code was compared at all."""
    try:
        house.operators.codes.verify(house.operators.accounts.get("ana").id, code, house.clock.now())
    except MFAInvalidCodeError:
        return True
    except TooManyAttemptsError:
        return False
    raise AssertionError("it was not wrong")


def test_who_guessed_too_often_hears_when_the_next_code_is_looked_at(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    operators.clock.move(days=1)
    waits = []
    for _ in range(4):
        for _ in range(5):
            assert is_looked_at(operators, wrong_code(operators, enrolment))
        operators.clock.move(seconds=90.5)
        with pytest.raises(TooManyAttemptsError) as refused:
            operators.log_in_with(wrong_code(operators, enrolment))
        waits.append(refused.value.retry_after)
        operators.clock.move(seconds=209.5)

    # The fourth five fill the hour, which began 15 minutes before.
    assert waits == [210, 210, 210, 3600 - 900 - 90]
    operators.clock.move(minutes=40)
    assert is_looked_at(operators, wrong_code(operators, enrolment))


def test_a_right_code_is_no_failed_attempt(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    for _ in range(12):
        operators.log_in_with(operators.code(enrolment))
        operators.clock.move(seconds=30)


def test_a_used_code_is_no_guess(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    code = operators.code(enrolment)
    operators.log_in_with(code)
    for _ in range(7):
        with pytest.raises(MFACodeReusedError):
            operators.log_in_with(code)
    operators.clock.move(seconds=30)

    assert operators.log_in_with(operators.code(enrolment))


def test_people_hear_of_three_wrong_codes_and_urgently_of_ten(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    seen = {}
    for number in range(1, 11):
        with pytest.raises(MFAInvalidCodeError):
            operators.log_in_with(wrong_code(operators, enrolment))
        seen[number] = alerts(operators).get("accounts.codes_failing.ana")
        operators.clock.move(minutes=5)

    assert (seen[2], seen[3], seen[9], seen[10]) == (None, Severity.MEDIUM, Severity.MEDIUM, Severity.HIGH)


def test_a_hundred_wrong_codes_in_a_row_lock_the_factor_until_somebody_else_resets_it(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, codes = operators.enrol()
    mine = operators.operators.accounts.get("ana").id
    for _ in range(100):
        with pytest.raises(MFAInvalidCodeError):
            operators.operators.codes.verify(mine, wrong_code(operators, enrolment), operators.clock.now())
        operators.clock.move(minutes=30)

    for code in (operators.code(enrolment), codes[0]):
        with pytest.raises(MFACodesLockedError):
            operators.log_in_with(code)
    assert alerts(operators)["accounts.codes_failing.ana"] is Severity.CRITICAL
    operators.operators.accounts.reset_mfa("ana", "rui", "locked out, seen in person")
    operators.enrol()
    assert operators.operators.mfa


def test_after_a_reset_a_new_factor_comes_before_anything_else(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, codes = operators.enrol()
    pair = operators.operators.login.complete_mfa_login(operators.mfa_token(), codes[0], ADDRESS)
    operators.operators.accounts.reset_mfa("ana", "rui", "lost the phone, seen in person")

    with pytest.raises(TokenExpiredOrWrongError):
        operators.operators.sessions.authenticate(pair.access_token)
    assert operators.log_in().enrolling
    assert alerts(operators) == {"accounts.factor_reset.ana": Severity.CRITICAL}
    new, _ = operators.enrol()
    with pytest.raises(MFAInvalidCodeError):
        operators.log_in_with(operators.code(enrolment))
    assert not operators.log_in_with(operators.code(new)).enrolling


def test_a_reset_takes_a_reason(operators: OperatorHouse) -> None:
    operators.add()

    with pytest.raises(ReasonMissingError):
        operators.operators.accounts.reset_mfa("ana", "rui", "  ")


def test_enrolling_ends_sessions_that_never_showed_a_factor(operators: OperatorHouse) -> None:
    operators.add()
    other = operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair
    assert other is not None
    operators.enrol()

    with pytest.raises(TokenExpiredOrWrongError):
        operators.operators.sessions.authenticate(other.access_token)
