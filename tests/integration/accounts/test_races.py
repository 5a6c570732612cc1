"""Many at the same time, on PostgreSQL: a code is accepted once, and few guesses are looked at."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from uuid import UUID

import pytest

from strongroom.accounts.codes import Verdict
from strongroom.accounts.errors import (
    MFACodeReusedError,
    MFAInvalidCodeError,
    TokenExpiredOrWrongError,
    TooManyAttemptsError,
)
from strongroom.errors import StrongroomError
from tests.services.operators import ADDRESS, PASSWORD, OpenOperators, OperatorHouse, wrong_code

CODES, SUBMITTERS = 300, 8
LOGINS, HOURS, GUESSES = 200, 20, 6
"""Logins that wait for their code in a day, and codes that are sent to each of them."""


@pytest.fixture
def house(open_house: OpenOperators, postgres_catalog_url: str) -> OperatorHouse:
    house = open_house(postgres_catalog_url)
    house.add()
    return house


def outcome(house: OperatorHouse, account_id: UUID, code: str) -> str:
    """Return what became of a code: its verdict, or the class of what was raised."""
    try:
        return house.operators.codes.verify(account_id, code, house.clock.now()).value
    except StrongroomError as error:
        return type(error).__name__


def submitting(house: OperatorHouse) -> Callable[[str], str]:
    """Return what submits a code of the account."""
    return partial(outcome, house, house.operators.accounts.get("ana").id)


def test_every_code_is_accepted_once_however_many_send_it(house: OperatorHouse) -> None:
    enrolment, _ = house.enrol()
    submit = submitting(house)
    accepted: list[int] = []
    refused: Counter[str] = Counter()
    with ThreadPoolExecutor(SUBMITTERS) as pool:
        for _ in range(CODES):
            code = house.code(enrolment)
            told = Counter(pool.map(submit, [code] * SUBMITTERS))
            accepted.append(told.pop(Verdict.TOTP.value, 0))
            refused += told
            house.clock.move(seconds=30)

    assert accepted == [1] * CODES
    assert refused == {MFACodeReusedError.__name__: CODES * (SUBMITTERS - 1)}


def test_of_two_hundred_wrong_codes_at_the_same_time_five_are_looked_at(house: OperatorHouse) -> None:
    enrolment, _ = house.enrol()
    codes = [wrong_code(house, enrolment)] * 200
    with ThreadPoolExecutor(16) as pool:
        told = Counter(pool.map(submitting(house), codes))

    assert told == {"MFAInvalidCodeError": 5, TooManyAttemptsError.__name__: 195}


def test_of_guesses_over_two_hundred_logins_fifty_are_looked_at_in_a_day(house: OperatorHouse) -> None:
    enrolment, _ = house.enrol()
    looked_at = []

    def guess(token: str) -> bool:
        try:
            house.operators.login.complete_mfa_login(token, wrong_code(house, enrolment), ADDRESS)
        except MFAInvalidCodeError:
            return True
        except (TooManyAttemptsError, TokenExpiredOrWrongError):
            return False
        raise AssertionError("it was not wrong")

    with ThreadPoolExecutor(SUBMITTERS) as pool:
        for _ in range(HOURS):
            tokens = [house.mfa_token() for _ in range(LOGINS // HOURS)]
            looked_at.append(sum(pool.map(guess, tokens * GUESSES)))
            house.clock.move(hours=1)

    assert looked_at == [5] * 10 + [0] * (HOURS - 10)


def test_a_backup_code_is_accepted_once_however_many_send_it(house: OperatorHouse) -> None:
    _, codes = house.enrol()
    with ThreadPoolExecutor(4) as pool:
        told = Counter(pool.map(submitting(house), [codes[0]] * 4))

    assert told[Verdict.BACKUP_CODE.value] == 1


def test_a_login_that_waits_for_its_code_becomes_one_session(house: OperatorHouse) -> None:
    _, codes = house.enrol()
    token = house.mfa_token()

    def complete(code: str) -> str:
        try:
            return type(house.operators.login.complete_mfa_login(token, code, ADDRESS)).__name__
        except TokenExpiredOrWrongError:
            return "refused"

    with ThreadPoolExecutor(5) as pool:
        assert Counter(pool.map(complete, codes[:5])) == {"TokenPair": 1, "refused": 4}


def test_a_refresh_token_that_two_send_is_good_for_one_at_most(house: OperatorHouse) -> None:
    pair = house.operators.login.begin("ana", PASSWORD, ADDRESS).pair
    assert pair is not None

    def refresh(_: int) -> str:
        try:
            return type(house.operators.sessions.refresh(pair.refresh_token)).__name__
        except TokenExpiredOrWrongError:
            return "refused"

    with ThreadPoolExecutor(4) as pool:
        assert Counter(pool.map(refresh, range(4))) == {"TokenPair": 1, "refused": 3}


def test_two_hundred_wrong_passwords_at_the_same_time_lock_the_account_after_five(house: OperatorHouse) -> None:
    def begin(number: int) -> str:
        try:
            return type(house.operators.login.begin("ana", f"wrong {number}", ADDRESS)).__name__
        except StrongroomError as error:
            return type(error).__name__

    with ThreadPoolExecutor(16) as pool:
        assert Counter(pool.map(begin, range(200))) == {"LoginRefusedError": 200}
    with pytest.raises(StrongroomError):
        house.log_in()
    house.clock.move(minutes=5)
    assert house.log_in()
