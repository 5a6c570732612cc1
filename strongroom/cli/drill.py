"""`strongroom drill`: restore a backup for proof, and show what that gave."""

import json
from pathlib import Path
from typing import Any

import click

from strongroom.catalog.drills import Drill, DrillState, get_drill, list_drills
from strongroom.cli.command import Group, ValueOf
from strongroom.cli.deadlines import deadline_option
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.documents import row_document
from strongroom.cli.figures import count, duration, moment, size
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.cli.waiting import Waiting, paging_options, waiting_options
from strongroom.drills.evidence import evidence
from strongroom.drills.requests import DrillRequest, request_drill
from strongroom.errors import ExitCode
from strongroom.ids import parse_id


@click.group("drill", cls=Group)
def drill() -> None:
    """Restore backups for proof, and show what that gave."""


@drill.command(
    "run",
    examples=(
        "strongroom drill run shop",
        "strongroom drill run uploads --region us-east-1 --here",
        "strongroom drill run shop --backup latest:shop --no-wait",
    ),
)
@click.argument("source")
@click.option("--backup", help="Id or latest:SOURCE; by default the newest that every region holds.")
@click.option("--region", help="Restore from this region; by default one is drawn.")
@deadline_option
@waiting_options
@click.pass_obj
def run(
    invocation: Invocation,
    source: str,
    backup: str | None,
    region: str | None,
    deadline: int | None,
    waiting: Waiting,
) -> ExitCode:
    """Restore SOURCE into an empty place, check it, and remove it again.

    Ends with 15 when the backup does not restore or a check does not hold.
    """
    with invocation.services() as services:
        request = DrillRequest(source, trace_id_of(services), backup, region, None, deadline)
        job = services.ledger.get(request_drill(services, request).id)
        if not await_job(services, job, waiting, invocation.screen):
            return ExitCode.OK
        with services.catalog.read() as session:
            held = get_drill(session, job.id)
    if invocation.screen.json:
        invocation.screen.event("summary", **row_document(held))
    else:
        _show(held, invocation.screen)
    return ExitCode.OK if held.state is DrillState.PASSED else ExitCode.INTEGRITY


@drill.command("list", examples=("strongroom drill list", "strongroom drill list --source shop --state failed"))
@click.option("--source", help="Only drills of this source.")
@click.option("--state", type=ValueOf(DrillState), help="Only drills that ended so, or have not.")
@paging_options
@click.pass_obj
def list_all(
    invocation: Invocation, source: str | None, state: DrillState | None, limit: int, cursor: str | None
) -> None:
    """List drills, newest first."""
    with invocation.services() as services, services.catalog.read() as session:
        page = list_drills(session, source=source, state=state, limit=limit, cursor=cursor)
    screen = invocation.screen
    if screen.json:
        screen.document({"items": [row_document(one) for one in page.items], "next_cursor": page.next_cursor})
        return
    screen.table(
        ("DRILL", "SOURCE", "STATE", "REGION", "FINISHED", "#TOOK", "#SIZE"), [_row(one) for one in page.items]
    )
    if page.next_cursor:
        screen.say(f"More: --cursor {page.next_cursor}")


@drill.command("show", examples=("strongroom drill show DRILL", "strongroom drill show DRILL --evidence drill.json"))
@click.argument("drill_id", metavar="DRILL")
@click.option("--evidence", "file", type=click.Path(dir_okay=False, path_type=Path), help="Write the evidence as JSON.")
@click.pass_obj
def show(invocation: Invocation, drill_id: str, file: Path | None) -> None:
    """Show what a drill did and found."""
    with invocation.services() as services, services.catalog.read() as session:
        held = get_drill(session, parse_id(drill_id, "drill"))
    if file is not None:
        file.write_text(json.dumps(evidence(held), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        invocation.screen.say(f"The evidence is in {file}.")
        return
    _show(held, invocation.screen)


def _show(held: Drill, screen: Screen) -> None:
    if screen.json:
        screen.document(row_document(held))
        return
    screen.line(f"Drill {held.id} of {held.source}: {held.state.upper()}")
    screen.line(f"Backup {held.backup_id or '-'} from region {held.region or '-'}")
    if held.report is None:
        screen.line(f"It has not been decided. See: strongroom jobs show {held.id}")
        return
    report = held.report
    phases = ", ".join(f"{phase} {duration(seconds)}" for phase, seconds in report["phases"].items())
    screen.line(f"Restored {size(report['restored_bytes'])} in {duration(report['seconds'])} ({phases})")
    if report["tables"]:
        screen.line(f"{count(report['rows'], 'row')} in {count(report['tables'], 'table')} compared")
    _show_checks(report, screen)


def _show_checks(report: dict[str, Any], screen: Screen) -> None:
    if report["failure"] is not None:
        screen.line(f"FAILED  {report['failure']['message']} {report['failure']['next_step']}")
    for check in report["checks"]:
        detail = f": {check['detail']}" if check["detail"] else ""
        screen.line(f"{'ok    ' if check['passed'] else 'FAILED'}  {check['kind']} {check['name']}{detail}")
    for note in report["notes"]:
        screen.line(f"note    {note}")


def _row(held: Drill) -> tuple[str, ...]:
    took = "-" if held.seconds is None else duration(held.seconds)
    return (
        str(held.id),
        held.source,
        held.state.value,
        held.region or "-",
        moment(held.finished_at),
        took,
        size(held.bytes) if held.seconds is not None else "-",
    )
