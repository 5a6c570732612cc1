"""`strongroom holds`: keep backups whatever their policies say."""

from collections.abc import Sequence
from datetime import UTC, datetime

import click

from strongroom.catalog.retention import Hold, list_holds
from strongroom.cli.actor import actor
from strongroom.cli.command import Group
from strongroom.cli.documents import row_document
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.screen import Screen
from strongroom.cli.stepping_up import stepped_up
from strongroom.cli.waiting import paging_options
from strongroom.retention.holding import HoldRequest, add_hold, release_hold
from strongroom.stepup.acts import Act


@click.group("holds", cls=Group)
def holds() -> None:
    """Keep backups whatever their policies say."""


@holds.command(
    "add",
    examples=(
        'strongroom holds add latest:shop --reason "case 4711"',
        'strongroom holds add --source shop --reason "audit of 2026" --until 2027-04-01',
    ),
)
@click.argument("backup", required=False)
@click.option("--source", help="Hold every backup of this source, also those still to be made.")
@click.option("--reason", required=True, help="Why; it is kept with the hold.")
@click.option("--until", type=click.DateTime(["%Y-%m-%d", "%Y-%m-%dT%H:%M:%SZ"]), help="When it ends, in UTC.")
@click.pass_obj
def add(invocation: Invocation, backup: str | None, source: str | None, reason: str, until: datetime | None) -> None:
    """Hold BACKUP, an id or latest:SOURCE: nothing deletes it until the hold is released or ends."""
    ends = None if until is None else until.replace(tzinfo=UTC)
    with invocation.services() as services:
        hold = add_hold(services, HoldRequest(backup, source, reason, actor(), ends))
    _show([hold], invocation.screen)


@holds.command("list", examples=("strongroom holds list", "strongroom holds list --all --json"))
@click.option("--source", help="Only holds on this source and its backups.")
@click.option("--all", "over", is_flag=True, help="Also those that were released or have ended.")
@paging_options
@click.pass_obj
def list_command(invocation: Invocation, source: str | None, limit: int, cursor: str | None, *, over: bool) -> None:
    """List what is held, why and by whom."""
    screen = invocation.screen
    with invocation.services() as services, services.catalog.read() as session:
        page = list_holds(session, services.clock.now(), source=source, over=over, limit=limit, cursor=cursor)
    if screen.json:
        screen.document({"items": [row_document(one) for one in page.items], "next_cursor": page.next_cursor})
        return
    _show(page.items, screen)
    if page.next_cursor:
        screen.say(f"More: --cursor {page.next_cursor}")


@holds.command(
    "release",
    examples=('strongroom holds release 0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d --reason "case closed" --confirm shop',),
)
@click.argument("hold")
@click.option("--reason", required=True, help="Why; it is kept with the hold.")
@click.option("--confirm", metavar="SOURCE", help="The name of the hold's source.")
@operator_options
@click.pass_obj
def release(invocation: Invocation, hold: str, reason: str, confirm: str | None, persons: OperatorOptions) -> None:
    """End HOLD; what it kept follows its policy again."""
    act = Act("holds.release", confirm or "", hold)
    with invocation.services() as services, stepped_up(invocation, services, act, persons) as by:
        released = release_hold(services, hold, reason=reason, by=by, confirm=confirm)
    _show([released], invocation.screen)


def _show(found: Sequence[Hold], screen: Screen) -> None:
    if screen.json:
        screen.document(row_document(found[0]))
        return
    rows = [
        (str(one.id), one.source, str(one.backup_id or "all"), one.reason, one.placed_by, moment(one.until), _over(one))
        for one in found
    ]
    screen.table(("HOLD", "SOURCE", "BACKUP", "REASON", "BY", "UNTIL", "RELEASED"), rows)


def _over(hold: Hold) -> str:
    return "" if hold.released_at is None else f"{moment(hold.released_at)} by {hold.released_by}"
