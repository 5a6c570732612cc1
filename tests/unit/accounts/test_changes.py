"""How long a code that was shown allows changes, of other things and of the factor itself."""

import pytest

from strongroom.access.allowing import verify_allowed
from strongroom.access.errors import StepUpRequiredError
from strongroom.access.operations import OPERATIONS
from tests.services.operators import ADDRESS, OperatorHouse


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
