"""How long a code that was shown allows changes, of other things and of the factor itself."""

import pytest

from strongroom.access.allowing import verify_allowed
from strongroom.access.errors import StepUpRequiredError
from strongroom.access.operations import OPERATIONS
from strongroom.access.principals import Role
from strongroom.accounts.errors import (
    MFACodeReusedError,
    MFAEnabledAlreadyError,
    MFAInvalidCodeError,
    TokenExpiredOrWrongError,
)
from tests.services.operators import ADDRESS, PASSWORD, OperatorHouse


def test_codes_upon_codes_allow_changes_for_half_an_hour_and_then_one_begins_anew(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    pair = operators.operators.login.complete_mfa_login(operators.mfa_token(), operators.code(enrolment), ADDRESS)
    sessions, change = operators.operators.sessions, OPERATIONS["POST /v1/queues/{queue}/pause"]

    def may_change() -> bool:
        who = operators.operators.sessions.authenticate(pair.access_token)
        try:
            verify_allowed(who, change, operators.clock.now())
        except StepUpRequiredError:
            return False
        return True

    seen = []
    for minutes in (9, 9, 9, 3.5, 1):
        operators.clock.move(minutes=minutes)
        seen.append(may_change())
        pair = sessions.refresh(pair.refresh_token)
        operators.operators.mfa.verify(sessions.authenticate(pair.access_token), operators.code(enrolment))
        seen.append(may_change())

    # Shown after 0, 9, 18 and 27 minutes: until the 30th. The next is shown after 30.5.
    assert seen == [True, True, True, True, True, True, False, True, True, True]


def test_a_session_that_was_left_open_adds_no_factor(operators: OperatorHouse) -> None:
    operators.add()
    who = operators.log_in()
    operators.clock.move(minutes=11)

    with pytest.raises(StepUpRequiredError):
        operators.operators.mfa.enable(who)
    assert operators.operators.mfa.enable(operators.log_in())


@pytest.mark.parametrize("change", ["password", "disabled and enabled", "factor reset"])
def test_what_a_login_has_shown_so_far_ends_with_a_change_of_the_account(operators: OperatorHouse, change: str) -> None:
    operators.add()
    enrolment, codes = operators.enrol()
    token, accounts = operators.mfa_token(), operators.operators.accounts

    if change == "password":
        accounts.set_password("ana", "another password for ana")
    elif change == "factor reset":
        accounts.reset_mfa("ana", "bo", "lost her phone")
    else:
        accounts.disable("ana")
        accounts.enable("ana")
    for code in (operators.code(enrolment), codes[0]):
        with pytest.raises(TokenExpiredOrWrongError):
            operators.operators.login.complete_mfa_login(token, code, ADDRESS)


def test_a_token_for_enrolling_ends_with_a_change_of_the_password(operators: OperatorHouse) -> None:
    operators.add(role=Role.ADMIN)
    token = operators.operators.login.begin("ana", PASSWORD, ADDRESS).enroll_token or ""
    assert operators.operators.sessions.authenticate(token).enrolling
    operators.operators.accounts.set_password("ana", "another password for ana")

    with pytest.raises(TokenExpiredOrWrongError):
        operators.operators.sessions.authenticate(token)


def test_a_token_for_enrolling_is_good_for_one_enrolment(operators: OperatorHouse) -> None:
    operators.add(role=Role.ADMIN)
    tokens = [operators.operators.login.begin("ana", PASSWORD, ADDRESS).enroll_token or "" for _ in range(2)]
    first, second = map(operators.operators.sessions.authenticate, tokens)
    operators.operators.mfa.confirm(first, operators.code(operators.operators.mfa.enable(first)))

    # Whoever was let in a moment before is too late as well.
    with pytest.raises(MFAEnabledAlreadyError):
        operators.operators.mfa.enable(second)
    for token in tokens:
        with pytest.raises(TokenExpiredOrWrongError):
            operators.operators.sessions.authenticate(token)


def test_a_code_of_later_is_no_better_later_once_somebody_was_told_so(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()
    guessed = operators.code(enrolment, 3)
    with pytest.raises(MFAInvalidCodeError, match="ahead"):
        operators.log_in_with(guessed)
    operators.clock.move(seconds=90)

    with pytest.raises(MFACodeReusedError):
        operators.log_in_with(guessed)
    operators.clock.move(seconds=30)
    assert operators.log_in_with(operators.code(enrolment))
