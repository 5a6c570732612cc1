"""`strongroom standby`: whether the standbys of PostgreSQL primaries follow."""

from typing import Any

import click

from strongroom.catalog.standbys import StandbyState, list_standby_states
from strongroom.cli.command import Group
from strongroom.cli.documents import plain, row_document
from strongroom.cli.figures import duration, moment, size
from strongroom.cli.invocation import Invocation
from strongroom.errors import ExitCode
from strongroom.standby.judging import Verdict
from strongroom.standby.watching import Check, check_standbys, describe


@click.group("standby", cls=Group)
def standby() -> None:
    """Check whether standbys of PostgreSQL follow their primaries."""


@standby.command("check", examples=("strongroom standby check", "strongroom standby check shop --json"))
@click.argument("names", nargs=-1, metavar="[NAME]...")
@click.pass_obj
def check(invocation: Invocation, names: tuple[str, ...]) -> ExitCode:
    """Ask the servers of each pair NAME, by default of all, where they are.

    Shows lag, timeline and slot, and what is wrong. Ends with 4 when a standby does not follow as it should. Opens and
    clears no alerts: the service does, which looks every half minute.
    """
    with invocation.services() as services:
        checks = check_standbys(services, names)
    screen = invocation.screen
    if screen.json:
        screen.document({"items": [_document(one) for one in checks]})
    else:
        screen.table(("PAIR", "VERDICT", "#BEHIND", "#BYTES", "TIMELINE", "SLOT"), [_row(one) for one in checks])
        for one in checks:
            for finding in one.findings:
                screen.warn(f"{one.pair.name}: {finding.what} {finding.next_step}")
        if not checks:
            screen.say("No pairs yet: add [standbys.NAME] to the configuration.")
    return ExitCode.OK if all(one.verdict is Verdict.FOLLOWING for one in checks) else ExitCode.UNHEALTHY


@standby.command("list", examples=("strongroom standby list", "strongroom standby list --json"))
@click.pass_obj
def list_command(invocation: Invocation) -> None:
    """Show what the service saw last of every pair; asks no server."""
    with invocation.services() as services, services.catalog.read() as session:
        states = list_standby_states(session)
    if invocation.screen.json:
        invocation.screen.document({"items": [state_document(state) for state in states]})
        return
    rows = [(s.name, s.verdict, _behind(s.lag_seconds), moment(s.checked_at), _words(s)) for s in states]
    invocation.screen.table(("PAIR", "VERDICT", "#BEHIND", "LOOKED AT", "WHY"), rows)


def state_document(state: StandbyState) -> dict[str, Any]:
    """Return what was seen last, without what only the next look needs."""
    return {name: value for name, value in row_document(state).items() if name != "samples"}


def _words(state: StandbyState) -> str:
    return " ".join(finding["what"] for finding in state.findings)


def _behind(lag: float | None) -> str:
    return "-" if lag is None else duration(lag)


def _row(check: Check) -> tuple[str, ...]:
    seen = check.seen
    slot = seen.primary.slot if seen.primary else None
    held = "-" if slot is None else f"{slot.name}: {slot.wal_status}"
    timeline = "-" if seen.standby is None else str(seen.standby.timeline)
    lag_bytes = "-" if seen.lag_bytes is None else size(seen.lag_bytes)
    return check.pair.name, check.verdict.value, _behind(check.lag), lag_bytes, timeline, held


def _document(check: Check) -> dict[str, Any]:
    seen = check.seen
    return {
        "name": check.pair.name,
        "verdict": check.verdict.value,
        "lag_seconds": check.lag,
        "lag_bytes": seen.lag_bytes,
        "checked_at": plain(seen.at),
        "primary": plain(seen.primary),
        "standby": plain(seen.standby),
        "findings": [describe(finding) for finding in check.findings],
    }
