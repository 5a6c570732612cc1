"""What leaves no row of its own is counted where it happens."""

import pytest

from strongroom.accounts.errors import LoginRefusedError, MFAInvalidCodeError
from strongroom.catalog.tallies import read_tallies
from tests.services.operators import ADDRESS, PASSWORD, OpenOperators, OperatorHouse, wrong_code


def attempts(house: OperatorHouse) -> dict[tuple[str, str], int]:
    with house.services.catalog.read() as session:
        counts = read_tallies(session)
    return {(outcome, factor): times for (what, outcome, factor), times in counts.items() if what == "auth_attempts"}


def test_passwords_and_codes_are_counted_by_how_they_ended(open_house: OpenOperators, catalog_url: str):
    house = open_house(catalog_url)
    house.add()
    enrolment, codes = house.enrol()
    account = house.operators.accounts.get("ana").id
    for name in ("ana", "nobody-of-this-name"):
        with pytest.raises(LoginRefusedError):
            house.operators.login.begin(name, "not the password", ADDRESS)
    before = attempts(house)
    house.log_in_with(house.code(enrolment))
    house.operators.codes.verify(account, codes[0], house.clock.now())
    with pytest.raises(MFAInvalidCodeError):
        house.operators.codes.verify(account, wrong_code(house, enrolment), house.clock.now())

    after = attempts(house)
    assert before["failure", "password"] == 2
    assert {key: times - before.get(key, 0) for key, times in after.items() if times != before.get(key, 0)} == {
        ("success", "password"): 1,
        ("success", "totp"): 1,
        ("success", "backup_code"): 1,
        ("failure", "totp"): 1,
    }


@pytest.mark.parametrize("name", ["ana\0", "ana\ud800", "\0"])
def test_a_name_that_no_database_looks_for_is_nobodys(open_house: OpenOperators, catalog_url: str, name: str):
    house = open_house(catalog_url)
    house.add()

    with pytest.raises(LoginRefusedError):
        house.operators.login.begin(name, PASSWORD, ADDRESS)
