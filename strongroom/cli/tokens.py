"""`strongroom tokens`: what machines show instead of a password."""

from collections.abc import Sequence

import click

from strongroom.catalog.service_tokens import ServiceToken, TokenKind
from strongroom.cli.actor import actor
from strongroom.cli.command import Group, ValueOf
from strongroom.cli.documents import row_document
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.services import Services
from strongroom.servicetokens.tokens import (
    DEFAULT_DAYS,
    LONGEST_DAYS,
    Ending,
    NewToken,
    ServiceTokens,
    TokenRequest,
)

days_option = click.option(
    "--days",
    type=click.IntRange(1, LONGEST_DAYS),
    default=DEFAULT_DAYS,
    show_default=True,
    help="How long it works.",
)


@click.group("tokens", cls=Group)
def tokens() -> None:
    """Make, list, rotate and revoke the tokens of machines."""


@tokens.command(
    "create",
    examples=(
        "strongroom tokens create nightly --kind ci --grant run:backup:shop --grant read:jobs:shop",
        "strongroom tokens create prometheus --kind exporter --grant read:metrics --network 10.0.0.0/8 --days 365",
    ),
)
@click.argument("name")
@click.option(
    "--kind", type=ValueOf(TokenKind), default=TokenKind.SCRIPT.value, show_default=True, help="What holds it."
)
@click.option(
    "--grant",
    "grants",
    multiple=True,
    required=True,
    metavar="SCOPE[:AREA[:SOURCES]]",
    help="What it may do: read, run or change; of what; for which sources. Repeat.",
)
@click.option("--network", "networks", multiple=True, metavar="CIDR", help="Where it may come from. Repeat.")
@days_option
@click.pass_obj
def create(
    invocation: Invocation, name: str, kind: TokenKind, grants: Sequence[str], networks: Sequence[str], days: int
) -> None:
    """Make the token NAME and print it, once."""
    request = TokenRequest(name, kind, grants, actor(), networks, days)
    with invocation.services() as services:
        _show_new(_tokens(services).create(request), invocation.screen)


@tokens.command("rotate", examples=("strongroom tokens rotate nightly",))
@click.argument("name")
@days_option
@click.pass_obj
def rotate(invocation: Invocation, name: str, days: int) -> None:
    """Make a second token NAME with the same grants and print it; the first goes on until you revoke it."""
    with invocation.services() as services:
        _show_new(_tokens(services).rotate(name, by=actor(), days=days), invocation.screen)
    invocation.screen.say(f"The old one works too. End it: strongroom tokens revoke {name} --old")


@tokens.command("revoke", examples=("strongroom tokens revoke nightly --old", "strongroom tokens revoke nightly"))
@click.argument("token", metavar="NAME|ID")
@click.option("--old", is_flag=True, help="Only what a rotation has replaced; the newest goes on.")
@click.option("--all", "every", is_flag=True, help="Both, where a rotation has made a second one.")
@click.pass_obj
def revoke(invocation: Invocation, token: str, *, old: bool, every: bool) -> None:
    """End the token NAME, or the one with ID; its use opens an alert from now on.

    Where two of that name are live, --old or --all says which end; without either nothing is done, and the command ends
    with 11.
    """
    if old and every:
        raise click.UsageError("Say --old or --all.")
    which = Ending.OLD if old else Ending.ALL if every else None
    with invocation.services() as services:
        _show(_tokens(services).revoke(token, by=actor(), which=which), invocation.screen)


@tokens.command("list", examples=("strongroom tokens list", "strongroom tokens list --all --json"))
@click.option("--all", "ended", is_flag=True, help="Also those that were revoked or have expired.")
@click.pass_obj
def list_command(invocation: Invocation, *, ended: bool) -> None:
    """List tokens: what they may do, when they end, when they were last used. The tokens themselves are not kept."""
    with invocation.services() as services:
        _show(_tokens(services).list(ended=ended), invocation.screen)


def _tokens(services: Services) -> ServiceTokens:
    return ServiceTokens(services.catalog, services.clock, services.random)


def _show_new(new: NewToken, screen: Screen) -> None:
    if screen.json:
        screen.document({**_document(new.row), "token": new.text})
        return
    screen.line(new.text)
    screen.say(f"It works until {moment(new.row.expires_at)} and is not shown again.")


def _show(rows: Sequence[ServiceToken], screen: Screen) -> None:
    if screen.json:
        screen.document({"items": [_document(row) for row in rows]})
        return
    table = [
        (
            row.name,
            str(row.id),
            row.kind,
            " ".join(row.grants),
            "revoked" if row.revoked_at else moment(row.expires_at),
            str(row.last_used_on or "never"),
        )
        for row in rows
    ]
    screen.table(("NAME", "ID", "KIND", "GRANTS", "UNTIL", "LAST USED"), table)


def _document(row: ServiceToken) -> dict[str, object]:
    used = None if row.last_used_on is None else str(row.last_used_on)
    return {name: value for name, value in row_document(row).items() if name != "digest"} | {"last_used_on": used}
