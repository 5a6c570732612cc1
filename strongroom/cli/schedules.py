"""`strongroom schedules`: when sources are backed up by themselves."""

from datetime import datetime

import click

from strongroom.backup.schedule import ScheduleStatus
from strongroom.backup.schedule import schedules as ask_schedules
from strongroom.cli.command import Group
from strongroom.cli.documents import plain
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation


@click.group("schedules", cls=Group)
def schedules() -> None:
    """Show when sources are backed up by themselves."""


@schedules.command(
    "list",
    examples=("strongroom schedules list", "strongroom schedules list --next 7", "strongroom schedules list --json"),
)
@click.option("--next", "count", type=click.IntRange(1, 100), default=1, show_default=True, help="Runs to show.")
@click.pass_obj
def list_schedules(invocation: Invocation, count: int) -> None:
    """List every source's schedule and its next runs."""
    with invocation.services() as services:
        found = ask_schedules(services, count=count)
    screen = invocation.screen
    if screen.json:
        screen.document({"items": [plain(status) for status in found]})
        return
    rows = [row for status in found for row in _rows(status)]
    screen.table(("SOURCE", "NEXT RUN", "KIND", "LAST DUE", "TIME ZONE"), rows)
    if not rows:
        screen.say(f"No sources yet: add one to {invocation.settings().path}.")


def _rows(status: ScheduleStatus) -> list[tuple[str, ...]]:
    last = _shown(status.last)
    if not status.next:
        return [(status.source, "never" if status.enabled else "switched off", "-", last, status.time_zone)]
    return [(status.source, moment(slot.at), slot.kind.value, last, status.time_zone) for slot in status.next]


def _shown(at: datetime | None) -> str:
    return "-" if at is None else moment(at)
