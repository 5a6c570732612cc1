"""`strongroom accounts`: operators, who log in."""

import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from strongroom.access.principals import Role
from strongroom.cli.command import Group
from strongroom.cli.errors import TypedPasswordError
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.stepping_up import stepped_up
from strongroom.keyring.private_file import NotPrivateError, read_private
from strongroom.stepup.acts import Act

# Hashing stays out of the help of commands.
if TYPE_CHECKING:
    from strongroom.accounts.roster import Accounts, AccountView
    from strongroom.services import Services

password_option = click.option(
    "--password-file",
    type=click.Path(path_type=Path),
    help="File of mode 600 with the password; else it is asked for, or read from stdin.",
)


@click.group("accounts", cls=Group)
def accounts() -> None:
    """Make, list and look after operators, who log in."""


@accounts.command(
    "add",
    examples=(
        "strongroom accounts add ana --role admin --email ana@example.com",
        "strongroom accounts add rui --password-file rui.password",
    ),
)
@click.argument("name")
@click.option("--role", type=click.Choice([role.name.lower() for role in Role]), default="operator", show_default=True)
@click.option("--email", metavar="ADDRESS", help="Where NAME is told of what happens to the account.")
@password_option
@click.pass_obj
def add(invocation: Invocation, name: str, role: str, email: str | None, password_file: Path | None) -> None:
    """Make the account NAME, whose password is asked for. Begin with an admin."""
    password = _new_password(password_file)
    with invocation.services() as services:
        view = _accounts(services).add(name, Role[role.upper()], password, email)
    _show([view], invocation, f"{view.name} can log in at /api/v1/auth/login.")


@accounts.command(
    "set-email",
    examples=("strongroom accounts set-email ana ana@example.com", "strongroom accounts set-email ana --none"),
)
@click.argument("name")
@click.argument("address", required=False)
@click.option("--none", "no_address", is_flag=True, help="Have mail about NAME go to the operations' channels.")
@click.pass_obj
def set_email(invocation: Invocation, name: str, address: str | None, *, no_address: bool) -> None:
    """Have NAME be told at ADDRESS of what happens to the account. The old address and the new one are told."""
    if (address is None) is not no_address:
        raise click.UsageError("Give an address, or --none.")
    with invocation.services() as services:
        view = _accounts(services).set_email(name, address)
    where = f"at {view.email}" if view.email else "through the channels of operations"
    _show([view], invocation, f"{view.name} is told {where}.")


@accounts.command("list", examples=("strongroom accounts list", "strongroom accounts list --json"))
@click.pass_obj
def list_command(invocation: Invocation) -> None:
    """List operators: role, second factor, whether they may log in."""
    with invocation.services() as services:
        found = _accounts(services).list()
    if invocation.screen.json:
        invocation.screen.document({"items": [_document(view) for view in found]})
        return
    invocation.screen.table(("NAME", "ROLE", "STATE", "SECOND FACTOR", "MAIL", "MADE"), map(_row, found))


@accounts.command("disable", examples=("strongroom accounts disable ana",))
@click.argument("name")
@click.pass_obj
def disable(invocation: Invocation, name: str) -> None:
    """Let NAME in no more, and end all their sessions."""
    with invocation.services() as services:
        view = _accounts(services).disable(name)
    _show([view], invocation, f"{view.name} is let in no more.")


@accounts.command("enable", examples=("strongroom accounts enable ana",))
@click.argument("name")
@click.pass_obj
def enable(invocation: Invocation, name: str) -> None:
    """Let NAME in again, and forget their failed attempts."""
    with invocation.services() as services:
        view = _accounts(services).enable(name)
    _show([view], invocation, f"{view.name} is let in again.")


@accounts.command("role", examples=("strongroom accounts role ana operator",))
@click.argument("name")
@click.argument("role", type=click.Choice([role.name.lower() for role in Role]))
@click.pass_obj
def role_command(invocation: Invocation, name: str, role: str) -> None:
    """Let NAME do what ROLE may from now on, and end all their sessions."""
    with invocation.services() as services:
        view = _accounts(services).set_role(name, Role[role.upper()])
    _show([view], invocation, f"{view.name} is {view.role.name.lower()} now.")


@accounts.command("password", examples=("strongroom accounts password ana",))
@click.argument("name")
@password_option
@click.pass_obj
def password(invocation: Invocation, name: str, password_file: Path | None) -> None:
    """Give NAME another password, and end all their sessions. The second factor stays as it is."""
    new = _new_password(password_file)
    with invocation.services() as services:
        view = _accounts(services).set_password(name, new)
    _show([view], invocation, f"{view.name} has a new password.")


@accounts.command(
    "mfa-reset", examples=('strongroom accounts mfa-reset ana --reason "lost the phone, seen in person" --confirm ana',)
)
@click.argument("name")
@click.option("--reason", required=True, help="Why; it is in the alert.")
@click.option("--confirm", metavar="NAME", help="The name once more.")
@operator_options
@click.pass_obj
def mfa_reset(invocation: Invocation, name: str, reason: str, confirm: str | None, persons: OperatorOptions) -> None:
    """Take the second factor of NAME away; they have to enrol a new one before anything else.

    Only after seeing the person: a mail is no proof. Everybody hears of it. It takes the code of another admin, where
    there is one who has codes.
    """
    _verify_named(name, confirm)
    act = Act("accounts.mfa_reset", name)
    with invocation.services() as services, stepped_up(invocation, services, act, persons, besides=name) as by:
        view = _accounts(services).reset_mfa(name, by, reason)
    _show([view], invocation, f"{view.name} has to enrol a new second factor.")


def _accounts(services: "Services") -> "Accounts":
    from strongroom.accounts.opening import open_codes

    return open_codes(services)[0]


def _verify_named(name: str, confirm: str | None) -> None:
    said = confirm if confirm is not None or not sys.stdin.isatty() else click.prompt(f"Type {name}", err=True)
    if said != name:
        raise click.UsageError(f"Confirm it with --confirm {name}.")


def _new_password(path: Path | None) -> str:
    """Return a password from a private file, from a prompt, or from stdin; raises TypedPasswordError."""
    if path is not None:
        try:
            lines = read_private(path).decode().splitlines()
        except (NotPrivateError, OSError, UnicodeDecodeError) as error:
            raise TypedPasswordError(
                f"The password cannot be read from {path}: {error}.", next_step=f"chmod 600 {path}, and try again."
            ) from None
        return _one_line(lines)
    if sys.stdin.isatty():
        asked: str = click.prompt("New password", hide_input=True, confirmation_prompt=True, err=True)
        return asked
    lines = sys.stdin.read(4096).splitlines()
    # Who answers a prompt from a script may do so twice, as people do.
    return _one_line(lines[:1] if len(lines) == 2 and lines[0] == lines[1] else lines)


def _one_line(lines: Sequence[str]) -> str:
    if len(lines) > 1:
        raise TypedPasswordError(
            "The password has several lines, so nobody could type it at a login.",
            next_step="Give one line, with nothing before or behind it.",
        )
    return "".join(lines)


def _show(found: Sequence["AccountView"], invocation: Invocation, sentence: str) -> None:
    if invocation.screen.json:
        invocation.screen.document(_document(found[0]))
    else:
        invocation.screen.say(sentence)


def _document(view: "AccountView") -> dict[str, Any]:
    return {
        **asdict(view),
        "id": str(view.id),
        "role": view.role.name.lower(),
        "created_at": view.created_at.isoformat(),
        "disabled_at": view.disabled_at and view.disabled_at.isoformat(),
        "codes_locked_at": view.codes_locked_at and view.codes_locked_at.isoformat(),
    }


def _row(view: "AccountView") -> tuple[str, ...]:
    made = moment(view.created_at)
    return view.name, view.role.name.lower(), _state(view), _factor(view), view.email or "none", made


def _state(view: "AccountView") -> str:
    return "disabled" if view.disabled_at else "enabled"


def _factor(view: "AccountView") -> str:
    if view.codes_locked_at:
        return "locked"
    return "has to enrol" if view.must_enroll else "yes" if view.enrolled else "none"
