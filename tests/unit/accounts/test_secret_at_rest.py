"""The secret of an app is encrypted, and opens beside its own account and factor only."""

import re

import pytest
from sqlalchemy import text

from strongroom.columns.errors import TokenRefusedError
from tests.services.operators import ADDRESS, OperatorHouse

WRONG = "000000"


def test_the_secret_is_not_in_the_catalog_in_clear(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, _ = operators.enrol()

    with operators.services.catalog.read() as session:
        stored = session.execute(text("SELECT secret FROM account_factor")).scalar_one()
    assert re.fullmatch(r"p1:g1\.[\w-]+", stored)
    assert enrolment.secret not in stored


def test_the_secret_of_one_account_does_not_open_beside_another(operators: OperatorHouse) -> None:
    for name in ("ana", "rui"):
        operators.add(name)
        operators.enrol(name)
    token = operators.mfa_token("rui")
    with operators.services.catalog.begin() as session:
        session.execute(
            text(
                "UPDATE account_factor SET secret = (SELECT f.secret FROM account_factor f JOIN account a"
                " ON a.id = f.account_id WHERE a.name = 'ana')"
            )
        )

    with pytest.raises(TokenRefusedError):
        operators.operators.login.complete_mfa_login(token, WRONG, ADDRESS)


def test_a_row_that_is_given_to_another_account_does_not_open(operators: OperatorHouse) -> None:
    for name in ("ana", "rui"):
        operators.add(name)
    operators.enrol("ana")
    with operators.services.catalog.begin() as session:
        session.execute(text("UPDATE account_factor SET account_id = (SELECT id FROM account WHERE name = 'rui')"))

    with pytest.raises(TokenRefusedError):
        operators.log_in_with(WRONG, "rui")
