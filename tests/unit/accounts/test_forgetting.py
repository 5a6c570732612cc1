"""What is over is forgotten, and nothing else."""

import pytest
from sqlalchemy import func, select

from strongroom.accounts.errors import LoginRefusedError
from strongroom.accounts.forgetting import forget_old
from strongroom.catalog.accounts import AccountAttempts, AccountFactor, LoginChallenge, LoginSession
from tests.services.operators import ADDRESS, OperatorHouse

TABLES = (LoginChallenge, AccountAttempts, AccountFactor, LoginSession)


def rows(house: OperatorHouse) -> tuple[int, ...]:
    with house.services.catalog.read() as session:
        return tuple(session.scalar(select(func.count()).select_from(table)) or 0 for table in TABLES)


def test_what_is_over_is_forgotten_and_nothing_else(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, codes = operators.enrol()
    operators.operators.mfa.enable(operators.log_in_with(operators.code(enrolment)), codes[0])
    operators.mfa_token()
    with pytest.raises(LoginRefusedError):
        operators.operators.login.begin("nobody", "wrong password", ADDRESS)
    forget_old(operators.services.catalog, operators.clock.now())
    there = rows(operators)
    assert there == (1, 3, 2, 2)

    operators.clock.move(hours=1)
    forget_old(operators.services.catalog, operators.clock.now())
    assert rows(operators) == (0, 3, 1, 2)
    operators.clock.move(days=31)
    forget_old(operators.services.catalog, operators.clock.now())
    assert rows(operators) == (0, 0, 1, 0)
