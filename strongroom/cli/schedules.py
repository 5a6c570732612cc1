"""`strongroom schedules`: when sources are backed up, and drilled, by themselves."""

from datetime import datetime
from typing import Any

import click

from strongroom.backup.schedule import ScheduleStatus
from strongroom.backup.schedule import schedules as ask_schedules
from strongroom.cli.command import Group
from strongroom.cli.documents import plain
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation
from strongroom.drills.schedule import DrillTimes, drill_times


@click.group("schedules", cls=Group)
def schedules() -> None:
    """Show when sources are backed up, and drilled, by themselves."""


@schedules.command(
    "list",
    examples=("strongroom schedules list", "strongroom schedules list --next 7", "strongroom schedules list --json"),
)
@click.option("--next", "count", type=click.IntRange(1, 100), default=1, show_default=True, help="Runs to show.")
@click.pass_obj
def list_schedules(invocation: Invocation, count: int) -> None:
    """List every source's schedule and its next runs, of backups and of drills."""
    with invocation.services() as services:
        found = ask_schedules(services, count=count)
        drills = drill_times(services, count=count)
    screen = invocation.screen
    if screen.json:
        screen.document({"items": [plain(one) | {"drill": _drill_document(drills, one.source)} for one in found]})
        return
    rows = [row for status in found for row in (*_rows(status), *_drill_rows(status.source, drills))]
    screen.table(("SOURCE", "NEXT RUN", "KIND", "LAST DUE", "TIME ZONE"), rows)
    if not rows:
        screen.say(f"No sources yet: add one to {invocation.settings().path}.")


def _rows(status: ScheduleStatus) -> list[tuple[str, ...]]:
    last = _shown(status.last)
    if not status.next:
        return [(status.source, "never" if status.enabled else "switched off", "-", last, status.time_zone)]
    return [(status.source, moment(slot.at), slot.kind.value, last, status.time_zone) for slot in status.next]


def _drill_rows(source: str, drills: dict[str, DrillTimes]) -> list[tuple[str, ...]]:
    if source not in drills:
        return []
    times = drills[source]
    last = _shown(times.last)
    if not times.next:
        return [(source, "never" if times.enabled else "switched off", "drill", last, times.time_zone)]
    return [(source, moment(at), "drill", last, times.time_zone) for at in times.next]


def _drill_document(drills: dict[str, DrillTimes], source: str) -> dict[str, Any] | None:
    return plain(drills[source]) if source in drills else None


def _shown(at: datetime | None) -> str:
    return "-" if at is None else moment(at)
