"""Who gets in and who does not; what is refused is refused alike."""

import base64
import json
import uuid
from datetime import timedelta

import jwt
import pytest
from sqlalchemy import select

from strongroom.access.principals import PrincipalKind, Role
from strongroom.accounts.errors import (
    AccountExistsError,
    AccountNameError,
    AccountNotFoundError,
    AddressLimiterAwayError,
    LoginRefusedError,
    MFAInvalidCodeError,
    PasswordsBusyError,
    TokenExpiredOrWrongError,
    TooManyAttemptsError,
)
from strongroom.accounts.password_check import PasswordCheck
from strongroom.accounts.passwords import Passwords
from strongroom.accounts.tokens import Claims, TokenKind, Tokens
from strongroom.catalog.accounts import AccountAttempts
from strongroom.catalog.alerts import Alert, Severity
from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.clock import system_random
from strongroom.errors import StrongroomError
from tests.services.operators import ADDRESS, CHEAP, PASSWORD, OpenOperators, OperatorHouse


def refusal(house: OperatorHouse, name: str, password: str) -> tuple[type[StrongroomError], str]:
    with pytest.raises(StrongroomError) as refused:
        house.operators.login.begin(name, password, ADDRESS)
    return type(refused.value), str(refused.value)


def test_a_right_password_gives_tokens_for_a_quarter_of_an_hour(operators: OperatorHouse) -> None:
    operators.add(role=Role.VIEWER)
    pair = operators.operators.login.begin("Ana", PASSWORD, ADDRESS).pair
    assert pair is not None
    who = operators.operators.sessions.authenticate(pair.access_token)

    assert (who.name, who.kind, who.role, who.enrolling) == ("ana", PrincipalKind.OPERATOR, Role.VIEWER, False)
    assert pair.expires_in == 900
    assert PASSWORD not in repr(pair)
    operators.clock.move(minutes=15)
    with pytest.raises(TokenExpiredOrWrongError):
        operators.operators.sessions.authenticate(pair.access_token)


def test_everything_that_is_wrong_is_refused_with_the_same_words(operators: OperatorHouse) -> None:
    for name in ("ana", "off", "locked"):
        operators.add(name)
    operators.operators.accounts.disable("off")
    for _ in range(5):
        refusal(operators, "locked", "wrong password")
    told = {
        refusal(operators, "ana", "wrong password"),
        refusal(operators, "ana", ""),
        refusal(operators, "nobody", PASSWORD),
        refusal(operators, "n" * 100_000, PASSWORD),
        refusal(operators, "ana", "x" * 100_000),
        refusal(operators, "ana\x00", PASSWORD),
        refusal(operators, "off", PASSWORD),
        refusal(operators, "locked", PASSWORD),
    }

    assert len(told) == 1
    assert told.pop()[0] is LoginRefusedError


def test_a_locked_account_takes_its_password_again_after_five_minutes_or_when_it_is_enabled(
    operators: OperatorHouse,
) -> None:
    operators.add()
    for _ in range(2):
        for _ in range(5):
            refusal(operators, "ana", "wrong password")
        refusal(operators, "ana", PASSWORD)
        operators.clock.move(minutes=5)
    assert operators.log_in()
    for _ in range(5):
        refusal(operators, "ana", "wrong password")
    operators.operators.accounts.enable("ana")
    assert operators.log_in()


def test_names_that_are_nobodys_do_not_fill_a_table(operators: OperatorHouse) -> None:
    for number in range(20):
        refusal(operators, f"nobody {number}", PASSWORD)

    with operators.services.catalog.read() as session:
        subjects = session.scalars(select(AccountAttempts.subject)).all()
    assert all(subject.startswith("nobody ") and int(subject.split()[1]) < 4096 for subject in subjects)


def test_a_limiter_that_is_away_lets_nobody_in(operators: OperatorHouse) -> None:
    operators.add()
    operators.enrol()
    token = operators.mfa_token()
    operators.limiter.away = True

    with pytest.raises(AddressLimiterAwayError):
        operators.operators.login.begin("ana", PASSWORD, ADDRESS)
    with pytest.raises(AddressLimiterAwayError):
        operators.operators.login.complete_mfa_login(token, "000000", ADDRESS)


def test_an_address_that_failed_too_often_is_refused_and_a_right_login_does_not_count(operators: OperatorHouse) -> None:
    operators.add()
    operators.limiter.most = 2
    for _ in range(3):
        operators.log_in()
    for _ in range(2):
        refusal(operators, "ana", "wrong password")

    with pytest.raises(TooManyAttemptsError):
        operators.operators.login.begin("ana", PASSWORD, ADDRESS)


def test_a_token_for_the_second_step_is_good_once_and_for_five_tries_and_five_minutes(operators: OperatorHouse) -> None:
    operators.add()
    enrolment, codes = operators.enrol()
    login = operators.operators.login

    token = operators.mfa_token()
    login.complete_mfa_login(token, operators.code(enrolment), ADDRESS)
    with pytest.raises(TokenExpiredOrWrongError):
        login.complete_mfa_login(token, codes[0], ADDRESS)

    token = operators.mfa_token()
    operators.clock.move(minutes=5)
    with pytest.raises(TokenExpiredOrWrongError):
        login.complete_mfa_login(token, codes[0], ADDRESS)

    token = operators.mfa_token()
    for _ in range(5):
        with pytest.raises(MFAInvalidCodeError):
            login.complete_mfa_login(token, "not a code", ADDRESS)
    operators.operators.accounts.enable("ana")
    with pytest.raises(TokenExpiredOrWrongError):
        login.complete_mfa_login(token, codes[0], ADDRESS)


def test_a_token_of_one_kind_is_not_one_of_another(operators: OperatorHouse) -> None:
    operators.add()
    tokens = Tokens(operators.services.purpose_keys, operators.clock)
    claims = Claims(uuid.UUID(int=1), uuid.UUID(int=2))
    until = operators.clock.now() + timedelta(hours=1)

    for made in TokenKind:
        for read in TokenKind:
            token = tokens.make(made, claims, until)
            if made is read:
                assert tokens.read(read, token) == claims
                continue
            with pytest.raises(TokenExpiredOrWrongError):
                tokens.read(read, token)


def forged(token: str) -> dict[str, str]:
    """Return tokens that somebody might make of a right one."""
    header, body, signature = token.split(".")
    claims = json.loads(base64.urlsafe_b64decode(body + "=="))
    return {
        "no signature": f"{header}.{body}.",
        "another signature": f"{header}.{body}.{signature[:-4]}AAAA",
        "alg none": jwt.encode(claims, "", "none"),
        "alg hs512": jwt.encode(claims, "k" * 64, "HS512"),
        "another key": jwt.encode(claims, "k" * 32, "HS256"),
        "a changed claim": f"{header}.{base64.urlsafe_b64encode(b'{}').decode().rstrip('=')}.{signature}",
        "nothing": "",
        "text": "not a token",
        "oversized": token + "A" * 10_000,
        "not ascii": "é" * 40,
    }


def test_no_forged_token_is_taken(operators: OperatorHouse) -> None:
    operators.add()
    pair = operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair
    assert pair is not None
    told = set()
    for token in forged(pair.access_token).values():
        with pytest.raises(TokenExpiredOrWrongError) as refused:
            operators.operators.sessions.authenticate(token)
        told.add(str(refused.value))

    assert len(told) == 1


def test_a_refresh_token_is_good_once_and_a_second_time_ends_the_session(operators: OperatorHouse) -> None:
    operators.add()
    sessions = operators.operators.sessions
    first = operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair
    assert first is not None
    second = sessions.refresh(first.refresh_token)
    assert sessions.authenticate(second.access_token)

    for token in (first.refresh_token, second.refresh_token):
        with pytest.raises(TokenExpiredOrWrongError):
            sessions.refresh(token)
    with pytest.raises(TokenExpiredOrWrongError):
        sessions.authenticate(second.access_token)
    with operators.services.catalog.read() as session:
        alert = session.scalars(select(Alert)).one()
    assert (alert.cause, alert.severity) == ("accounts.session_stolen.ana", Severity.HIGH)


def test_a_session_ends_after_half_an_hour_without_use_and_after_twelve_hours_with_it(operators: OperatorHouse) -> None:
    operators.add()
    sessions = operators.operators.sessions
    pair = operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair
    assert pair is not None
    for _ in range(26):
        operators.clock.move(minutes=27)
        pair = sessions.refresh(pair.refresh_token)
    assert pair.expires_in == (12 * 60 - 26 * 27) * 60 == 1080 or pair.expires_in == 900
    operators.clock.move(minutes=18)
    for call in (sessions.refresh, sessions.authenticate):
        with pytest.raises(TokenExpiredOrWrongError):
            call(pair.refresh_token if call == sessions.refresh else pair.access_token)
    idle = operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair
    assert idle is not None
    operators.clock.move(minutes=30)
    with pytest.raises(TokenExpiredOrWrongError):
        sessions.refresh(idle.refresh_token)


def test_logging_out_ends_the_session_at_once(operators: OperatorHouse) -> None:
    operators.add()
    sessions = operators.operators.sessions
    pair = operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair
    assert pair is not None
    who = sessions.authenticate(pair.access_token)
    sessions.logout(who)

    with pytest.raises(TokenExpiredOrWrongError):
        sessions.authenticate(pair.access_token)
    with pytest.raises(TokenExpiredOrWrongError):
        sessions.refresh(pair.refresh_token)


def test_other_sessions_can_be_ended(operators: OperatorHouse) -> None:
    operators.add()
    sessions = operators.operators.sessions
    pairs = [operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair for _ in range(3)]
    tokens = [pair.access_token for pair in pairs if pair is not None]
    who = sessions.authenticate(tokens[0])

    assert sessions.end_others(who) == 2
    assert sessions.authenticate(tokens[0])
    for token in tokens[1:]:
        with pytest.raises(TokenExpiredOrWrongError):
            sessions.authenticate(token)


def test_disabling_an_account_and_another_password_end_its_sessions(operators: OperatorHouse) -> None:
    operators.add()
    accounts, sessions = operators.operators.accounts, operators.operators.sessions
    for change in (lambda: accounts.set_password("ana", PASSWORD), lambda: accounts.disable("ana")):
        pair = operators.operators.login.begin("ana", PASSWORD, ADDRESS).pair
        assert pair is not None
        change()
        with pytest.raises(TokenExpiredOrWrongError):
            sessions.authenticate(pair.access_token)
        with pytest.raises(TokenExpiredOrWrongError):
            sessions.refresh(pair.refresh_token)
    assert accounts.enable("ana").disabled_at is None


def test_accounts_are_listed_and_there_is_one_of_a_name(operators: OperatorHouse) -> None:
    operators.add("rui", Role.ADMIN)
    operators.add("ana")

    assert [(view.name, view.role) for view in operators.operators.accounts.list()] == [
        ("ana", Role.OPERATOR),
        ("rui", Role.ADMIN),
    ]
    with pytest.raises(AccountExistsError):
        operators.add("ANA")
    with pytest.raises(AccountNotFoundError):
        operators.operators.accounts.disable("nobody")


@pytest.mark.parametrize("name", ["", "a b", "-a", "a" * 65, "a\n", "é", "a/b"])
def test_what_cannot_be_a_name_is_none(operators: OperatorHouse, name: str) -> None:
    if name != "a\n":
        with pytest.raises(AccountNameError):
            operators.add(name)


def test_a_catalog_that_is_away_lets_nobody_in(open_house: OpenOperators) -> None:
    house = open_house("postgresql://nobody:nothing@127.0.0.1:1/none")

    with pytest.raises(CatalogUnavailableError):
        house.operators.login.begin("ana", PASSWORD, ADDRESS)
    with pytest.raises(CatalogUnavailableError):
        house.operators.codes.verify(uuid.UUID(int=1), "000000", house.clock.now())


def test_who_comes_when_many_are_logging_in_is_told_so_at_once_and_not_counted(operators: OperatorHouse) -> None:
    operators.add()
    passwords = Passwords(system_random, CHEAP, at_once=1, waiting=0)
    check = PasswordCheck(operators.services.catalog, passwords)

    with passwords.room(), pytest.raises(PasswordsBusyError):
        check.find("ana", PASSWORD, operators.clock.now())
    with operators.services.catalog.read() as session:
        assert session.scalars(select(AccountAttempts)).all() == []
    assert check.find("ana", PASSWORD, operators.clock.now()) is not None
