"""What operators are told of their own account, and what these mails say."""

import logging

import pytest
from sqlalchemy import select

from strongroom.access.principals import Principal, PrincipalKind, Role
from strongroom.accounts.errors import (
    AccountNotFoundError,
    EmailAddressError,
    LoginRefusedError,
    MFAInvalidCodeError,
    TokenExpiredOrWrongError,
    TooManyAttemptsError,
)
from strongroom.accounts.telling import Happened
from strongroom.audit.acting import Actor, acting
from strongroom.catalog.accounts import Account
from strongroom.catalog.alert_messages import PersonalNotice
from strongroom.tracing import bind
from tests.services.operators import ADDRESS, PASSWORD, OperatorHouse, wrong_code

MAIL = "ana@example.com"
OTHER = "198.51.100.9"


def told(house: OperatorHouse) -> list[PersonalNotice]:
    with house.services.catalog.read() as session:
        return list(session.scalars(select(PersonalNotice).order_by(PersonalNotice.created_at, PersonalNotice.id)))


def abouts(house: OperatorHouse) -> list[str]:
    return [notice.about for notice in told(house)]


@pytest.fixture
def ana(operators: OperatorHouse) -> OperatorHouse:
    """A house with an operator who has a mail address."""
    operators.operators.accounts.add("ana", Role.OPERATOR, PASSWORD, MAIL)
    return operators


def guess(house: OperatorHouse, code: str, times: int) -> None:
    """Show a wrong code so often, waiting as long as it takes."""
    for _ in range(times):
        house.clock.move(minutes=30)
        with pytest.raises(MFAInvalidCodeError):
            house.log_in_with(code)


def test_a_new_factor_new_codes_and_no_factor_are_said(ana: OperatorHouse) -> None:
    enrolment, codes = ana.enrol()
    who = ana.log_in_with(ana.code(enrolment))
    ana.clock.move(seconds=30)
    ana.operators.mfa.regenerate(who, ana.code(enrolment))
    ana.clock.move(seconds=30)
    ana.operators.mfa.disable(who, PASSWORD, ana.code(enrolment))

    assert abouts(ana) == ["enrolled", "codes_renewed", "factor_off"]
    assert {notice.recipient for notice in told(ana)} == {MAIL}
    said = "".join(notice.title + notice.body for notice in told(ana))
    assert not [secret for secret in (enrolment.secret, PASSWORD, *codes) if secret in said]


def test_each_backup_code_that_is_used_is_said_with_how_many_are_left(ana: OperatorHouse) -> None:
    _, codes = ana.enrol()
    for code in codes[:8]:
        ana.log_in_with(code)
        ana.clock.move(seconds=1)

    used = [notice for notice in told(ana) if notice.about == "code_used"]
    assert [notice.body.splitlines()[0].split(". ")[1].split()[0] for notice in used] == list("98765432")
    assert ["Make new ones soon" in notice.body for notice in used] == [False] * 6 + [True] * 2
    assert not [code for code in codes if code in "".join(notice.body for notice in used)]


def test_wrong_codes_are_said_after_three_ten_and_a_hundred(ana: OperatorHouse) -> None:
    enrolment, _ = ana.enrol()
    wrong = wrong_code(ana, enrolment)

    guess(ana, wrong, 2)
    assert abouts(ana) == ["enrolled"]
    guess(ana, wrong, 1)
    assert abouts(ana)[1:] == ["codes_wrong"]
    guess(ana, wrong, 7)
    assert abouts(ana)[1:] == ["codes_wrong", "codes_wrong"]
    guess(ana, wrong, 1)
    assert len(abouts(ana)) == 3

    with ana.services.catalog.begin() as session:
        session.scalars(select(Account)).one().codes_failed = 99
    guess(ana, wrong_code(ana, enrolment), 1)
    assert abouts(ana)[3:] == ["codes_locked"]


def test_wrong_passwords_are_said_once_a_day_when_no_more_are_taken(ana: OperatorHouse) -> None:
    def fail(times: int) -> None:
        for _ in range(times):
            with pytest.raises((LoginRefusedError, TooManyAttemptsError)):
                ana.operators.login.begin("ana", "not the password", ADDRESS)

    fail(5)
    assert abouts(ana) == []
    fail(3)
    ana.clock.move(hours=2)
    fail(6)
    assert abouts(ana) == ["passwords_wrong"]
    ana.clock.move(hours=23)
    fail(6)
    assert abouts(ana) == ["passwords_wrong"] * 2


def test_nothing_is_written_for_names_that_are_nobodys(ana: OperatorHouse) -> None:
    for _ in range(7):
        with pytest.raises((LoginRefusedError, TooManyAttemptsError)):
            ana.operators.login.begin("nobody", "not the password", ADDRESS)

    assert abouts(ana) == []


def test_what_administrators_do_is_said(ana: OperatorHouse) -> None:
    ana.operators.accounts.reset_mfa("ana", "rui", "lost the phone")
    ana.clock.move(seconds=1)
    ana.operators.accounts.set_password("ana", "another long password")

    reset, password = told(ana)
    assert (reset.about, password.about) == ("factor_reset", "password_changed")
    assert "By rui: lost the phone." in reset.body
    assert "another long password" not in password.body


def test_a_refresh_token_that_comes_twice_is_said(ana: OperatorHouse) -> None:
    pair = ana.operators.login.begin("ana", PASSWORD, ADDRESS).pair
    assert pair is not None
    ana.operators.sessions.refresh(pair.refresh_token)
    with pytest.raises(TokenExpiredOrWrongError):
        ana.operators.sessions.refresh(pair.refresh_token)

    assert abouts(ana) == ["session_stolen"]


@pytest.mark.parametrize(
    ("before", "after", "told_of"),
    [
        ([], "198.51.100.9", []),
        (["192.0.2.7"], "192.0.2.200", []),
        (["192.0.2.7"], "::ffff:192.0.2.9", []),
        (["192.0.2.7"], "198.51.100.9", ["new_network"]),
        (["192.0.2.7", "198.51.100.1"], "198.51.100.9", ["new_network"]),
        (["2001:db8:1::1"], "2001:db8:1:2::9", []),
        (["2001:db8:1::1"], "2001:db8:2::1", ["new_network"]),
        (["unknown"], "198.51.100.9", []),
        (["192.0.2.7"], "unknown", []),
    ],
)
def test_a_login_from_elsewhere_is_said_once(
    ana: OperatorHouse, before: list[str], after: str, told_of: list[str]
) -> None:
    for address in (*before, after, after):
        ana.operators.login.begin("ana", PASSWORD, address)

    assert abouts(ana) == told_of


def test_a_login_with_a_code_from_elsewhere_is_said(ana: OperatorHouse) -> None:
    enrolment, _ = ana.enrol()
    ana.operators.login.complete_mfa_login(ana.mfa_token(), ana.code(enrolment), OTHER)

    assert abouts(ana) == ["enrolled", "new_network"]
    assert "198.51.100.0/24" in told(ana)[1].body


def test_another_address_is_said_to_the_old_one_and_the_new(ana: OperatorHouse) -> None:
    accounts = ana.operators.accounts
    assert accounts.set_email("ANA", " ana@home.example ").email == "ana@home.example"
    assert accounts.set_email("ana", "ana@home.example").email == "ana@home.example"
    ana.clock.move(seconds=1)
    assert accounts.set_email("ana", None).email is None

    assert abouts(ana) == ["email_changed"] * 3
    *first, last = [notice.recipient for notice in told(ana)]
    assert (set(first), last) == ({MAIL, "ana@home.example"}, "ana@home.example")


def test_without_an_address_it_is_written_for_operations(operators: OperatorHouse) -> None:
    operators.add()
    operators.enrol()

    [notice] = told(operators)
    assert (notice.about, notice.recipient) == ("enrolled", None)


def test_a_mail_says_when_from_where_and_under_which_request(ana: OperatorHouse) -> None:
    who = Principal("1", "ana", PrincipalKind.OPERATOR)
    with bind(request_id="req-1", trace_id="a" * 32), acting(Actor.of(who, address=ADDRESS)):
        ana.enrol()

    [notice] = told(ana)
    assert notice.title == "Strongroom account ana: a second factor was set up"
    assert notice.body.splitlines() == [
        "What: a second factor was set up.",
        "Account: ana",
        "When: 2026-03-14 12:00:00 UTC",
        f"From: {ADDRESS}",
        "Request: req-1",
        f"Trace: {'a' * 32}",
        "",
        "If you know of this, there is nothing to do.",
        f"If not: {Happened.ENROLLED.if_not_you.format(name='ana')}",
    ]


def test_what_is_done_by_a_command_names_who_typed_it(ana: OperatorHouse) -> None:
    with acting(Actor(PrincipalKind.LOCAL, "rui@vault", "rui@vault")):
        ana.operators.accounts.set_password("ana", "another long password")

    assert "From: rui@vault, on the command line" in told(ana)[0].body


@pytest.mark.parametrize("what", Happened)
def test_every_mail_says_what_to_do_if_it_was_somebody_else(what: Happened) -> None:
    assert len(what.about) <= 32
    assert len(what.if_not_you.format(name="ana").split()) > 8


@pytest.mark.parametrize(
    "address",
    [
        "",
        "ana",
        "@example.com",
        "ana@",
        "ana@example..com",
        ".ana@example.com",
        "ana.@example.com",
        "an a@example.com",
        "ana@example.com, rui@example.com",
        "ana@example.com\nBcc: rui@example.com",
        '"ana"@example.com',
        "Ana <ana@example.com>",
        "ana@-example.com",
        "aná@example.com",
        "a" * 65 + "@example.com",
        "ana@" + "a" * 64 + ".com",
        "ana@" + "a." * 126 + "com",
    ],
)
def test_what_is_no_address_is_refused(ana: OperatorHouse, address: str) -> None:
    with pytest.raises(EmailAddressError):
        ana.operators.accounts.set_email("ana", address)
    with pytest.raises(EmailAddressError):
        ana.operators.accounts.add("rui", Role.VIEWER, PASSWORD, address)


def test_an_address_of_nobody_is_refused(ana: OperatorHouse) -> None:
    with pytest.raises(AccountNotFoundError):
        ana.operators.accounts.set_email("rui", MAIL)


def test_no_address_is_logged(ana: OperatorHouse, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG, logger="strongroom")
    ana.operators.accounts.set_email("ana", "ana@home.example")
    ana.enrol()

    assert "MFA_ENROLLED" in caplog.text
    assert "@home.example" not in caplog.text
