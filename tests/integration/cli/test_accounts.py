"""`strongroom accounts`: passwords come from a prompt, a private file or stdin, never from an argument."""

import io
import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from strongroom.accounts.passwords import Passwords
from strongroom.errors import ExitCode
from tests.integration.cli.conftest import Run

PASSWORD = "correct horse battery staple"


@pytest.fixture
def passwords(tmp_path: Path) -> Path:
    file = tmp_path / "password"
    file.write_text(f"{PASSWORD}\n")
    file.chmod(0o600)
    return file


def test_accounts_are_made_listed_disabled_and_enabled(installed: Run, passwords: Path) -> None:
    assert installed("accounts", "add", "Ana", "--role", "admin", "--password-file", str(passwords))[0] == ExitCode.OK
    assert installed("accounts", "add", "ana", "--password-file", str(passwords))[0] == ExitCode.BUSY
    assert installed("accounts", "disable", "ana")[0] == ExitCode.OK
    _, out, _ = installed("accounts", "list", "--json")
    (ana,) = json.loads(out)["items"]
    assert (ana["name"], ana["role"], ana["enrolled"], ana["disabled_at"] is None) == ("ana", "admin", False, False)
    assert installed("accounts", "enable", "ana")[0] == ExitCode.OK
    _, out, _ = installed("accounts", "list")
    assert "enabled" in out
    assert installed("accounts", "disable", "nobody")[0] == ExitCode.NOT_FOUND


def test_a_password_may_come_from_stdin_and_is_never_shown(installed: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    added = installed("accounts", "add", "ana", "--json")
    monkeypatch.setattr("sys.stdin", io.StringIO("too short\n"))
    short = installed("accounts", "password", "ana")

    assert (added[0], short[0]) == (ExitCode.OK, ExitCode.USAGE)
    assert not any(secret in text for secret in (PASSWORD, "too short") for text in (*added[1:], *short[1:]))


def test_a_password_in_a_file_that_others_read_is_refused(installed: Run, passwords: Path) -> None:
    passwords.chmod(0o644)

    code, _, err = installed("accounts", "add", "ana", "--password-file", str(passwords))
    assert code == ExitCode.USAGE
    assert "chmod 600" in err


def test_an_account_has_a_mail_address_until_it_has_none(installed: Run, passwords: Path) -> None:
    made = ("accounts", "add", "ana", "--email", "ana@example.com", "--password-file", str(passwords))
    assert installed(*made)[0] == ExitCode.OK
    assert "ana@example.com" in installed("accounts", "list")[1]

    assert "ana@home.example" in installed("accounts", "set-email", "ana", "ana@home.example")[2]
    _, out, _ = installed("accounts", "set-email", "ana", "--none", "--json")
    assert json.loads(out)["email"] is None


@pytest.mark.parametrize("words", [(), ("ana@example.com", "--none"), ("ana@example.com, rui@example.com",)])
def test_what_is_no_mail_address_is_refused(installed: Run, passwords: Path, words: tuple[str, ...]) -> None:
    installed("accounts", "add", "ana", "--password-file", str(passwords))

    assert installed("accounts", "set-email", "ana", *words)[0] == ExitCode.USAGE
    assert json.loads(installed("accounts", "list", "--json")[1])["items"][0]["email"] is None


def test_a_reset_takes_the_name_once_more_and_a_reason(installed: Run, passwords: Path) -> None:
    installed("accounts", "add", "ana", "--password-file", str(passwords))
    reset = ("accounts", "mfa-reset", "ana", "--reason", "lost the phone, seen in person")

    assert installed(*reset)[0] == ExitCode.USAGE
    assert installed(*reset, "--confirm", "ana")[0] == ExitCode.OK
    assert "has to enrol" in installed("accounts", "list")[1]
    assert "accounts.factor_reset.ana" in installed("alerts", "list", "--json")[1]


@pytest.mark.parametrize("typed", [f"{PASSWORD}\n{PASSWORD}\n", f"{PASSWORD}\r\n", PASSWORD])
def test_a_password_that_is_given_twice_on_stdin_counts_once(
    installed: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    code, _, err = installed("accounts", "add", "ana")
    assert code == 0, err

    with closing(sqlite3.connect(tmp_path / "data" / "catalog.db")) as catalog:
        ((kept,),) = catalog.execute("SELECT password_hash FROM account").fetchall()
    assert Passwords(os.urandom).matches(kept, PASSWORD)


@pytest.mark.parametrize("typed", [f"{PASSWORD}\nand another line\n", f"{PASSWORD}\n{PASSWORD}\n{PASSWORD}\n"])
def test_a_password_of_several_lines_which_nobody_can_type_is_refused(
    installed: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, typed: str
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    code, _, err = installed("accounts", "add", "ana")
    assert (code, "one line" in err) == (2, True)

    file = tmp_path / "ana.password"
    file.write_text(typed)
    file.chmod(0o600)
    assert installed("accounts", "add", "ana", "--password-file", str(file))[0] == 2
    assert json.loads(installed("accounts", "list", "--json")[1])["items"] == []
