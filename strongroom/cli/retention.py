"""`strongroom retention`: what stays and why, what goes, and the receipts of what went."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TypedDict, Unpack

import click

from strongroom.backup.lookup import resolve_backup
from strongroom.catalog.retention import get_expiry, list_events, list_expiries
from strongroom.cli.actor import actor
from strongroom.cli.collect import Percentage
from strongroom.cli.command import Group
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.documents import row_document
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.retention_report import show_expiry, show_plans, show_sweep
from strongroom.cli.stepping_up import stepped_up
from strongroom.cli.waiting import Waiting, paging_options, waiting_options
from strongroom.errors import ExitCode
from strongroom.retention.deciding import Approval, approve
from strongroom.retention.planning import make_plan
from strongroom.retention.reporting import expiry_document, plan_document
from strongroom.retention.sweeping import SweepRequest, deletes_more, request_sweep
from strongroom.services import Services
from strongroom.stepup.acts import Act


class ApplyOptions(TypedDict):
    """The options that say what a run deletes."""

    source: str | None
    max_share: int | None
    confirm: str | None
    dry_run: bool


@click.group("retention", cls=Group)
def retention() -> None:
    """Show what is kept and why; delete what is not."""


@retention.command(
    "plan",
    examples=(
        "strongroom retention plan",
        "strongroom retention plan --source uploads --all",
        "strongroom retention plan --json",
    ),
)
@click.option("--source", help="Only this source.")
@click.option("--all", "every", is_flag=True, help="Name every backup, also those that stay.")
@click.pass_obj
def plan(invocation: Invocation, source: str | None, *, every: bool) -> ExitCode:
    """Show why each backup stays, which go, and what is in the way; deletes nothing.

    Ends with 4 when somebody has to decide something before a source's backups can go.
    """
    screen = invocation.screen
    with invocation.services() as services:
        if source is not None and source not in services.settings.sources:
            with services.catalog.read() as session:
                resolve_backup(session, f"latest:{source}")
        plans = make_plan(services, source=source)
    if screen.json:
        screen.document({"items": [plan_document(one, every=every) for one in plans]})
    else:
        show_plans(plans, screen, every=every)
    return ExitCode.UNHEALTHY if any(one.trouble for one in plans) else ExitCode.OK


@retention.command(
    "apply",
    examples=(
        "strongroom retention apply",
        "strongroom retention apply --source uploads --max-share 60% --confirm uploads",
        "strongroom retention apply --dry-run --here",
    ),
)
@click.option("--source", help="Only this source.")
@click.option("--dry-run", is_flag=True, help="Only report, as the run would.")
@click.option("--max-share", type=Percentage(), help="Delete at most this part of a source's backups.")
@click.option("--confirm", metavar="SOURCE", help="The source's name, to say that more than usual may go for good.")
@waiting_options
@operator_options
@click.pass_obj
def apply(
    invocation: Invocation, waiting: Waiting, persons: OperatorOptions, **options: Unpack[ApplyOptions]
) -> ExitCode:
    """Delete what nothing keeps: its keys in every region now, its bytes with the next collection.

    A deleted backup cannot be brought back. Ends with 3 when a region did not answer or still keeps keys under a lock;
    the next run goes on there.
    """
    with invocation.services() as services:
        request = _sweep(options, trace_id_of(services))
        with _permitted(invocation, services, request, persons) as by:
            job = request_sweep(services, replace(request, by=by))
        if not await_job(services, job, waiting, invocation.screen):
            return ExitCode.OK
        return show_sweep(services.ledger.get(job.id).result or {}, invocation.screen)


def _sweep(options: ApplyOptions, trace_id: str) -> SweepRequest:
    source, share, confirm = options["source"], options["max_share"], options["confirm"]
    return SweepRequest(not options["dry_run"], source, share, confirm, actor(), None, trace_id)


def _permitted(
    invocation: Invocation, services: Services, request: SweepRequest, persons: OperatorOptions
) -> AbstractContextManager[str]:
    act = Act("retention.delete_more", request.source or "", str(request.max_share_percent))
    needed = deletes_more(services.settings, request)
    return stepped_up(invocation, services, act, persons) if needed else nullcontext(request.by)


@retention.command("approve", examples=("strongroom retention approve uploads --confirm uploads",))
@click.argument("source")
@click.option("--confirm", metavar="SOURCE", help="The name of the source again.")
@operator_options
@click.pass_obj
def approve_command(invocation: Invocation, source: str, confirm: str | None, persons: OperatorOptions) -> None:
    """Let the shorter policy in the settings hold for SOURCE; until then the longer one goes on."""
    act = Act("retention.shorten", source)
    with invocation.services() as services, stepped_up(invocation, services, act, persons) as by:
        approved = approve(services, Approval(source, confirm, by))
    if invocation.screen.json:
        invocation.screen.document(plan_document(approved, every=False))
        return
    invocation.screen.line(f"{source} follows {approved.policy} as it is in the settings now.")


@retention.command("list", examples=("strongroom retention list", "strongroom retention list --source uploads --json"))
@click.option("--source", help="Only backups of this source.")
@paging_options
@click.pass_obj
def list_command(invocation: Invocation, source: str | None, limit: int, cursor: str | None) -> None:
    """List backups that have expired, and whether their keys are gone everywhere."""
    screen = invocation.screen
    with invocation.services() as services, services.catalog.read() as session:
        page = list_expiries(session, source=source, limit=limit, cursor=cursor)
        documents = [expiry_document(session, one) for one in page.items]
    if screen.json:
        screen.document({"items": documents, "next_cursor": page.next_cursor})
        return
    rows = [
        (str(one.backup_id), one.source, moment(one.decided_at), one.cause.value, moment(one.finished_at), one.reason)
        for one in page.items
    ]
    screen.table(("BACKUP", "SOURCE", "EXPIRED", "BY", "KEYS GONE", "WHY"), rows)
    if page.next_cursor:
        screen.say(f"More: --cursor {page.next_cursor}")


@retention.command("receipt", examples=("strongroom retention receipt 0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d",))
@click.argument("backup")
@click.pass_obj
def receipt(invocation: Invocation, backup: str) -> ExitCode:
    """Show what was destroyed of the keys of BACKUP, region by region, with the signed receipt checked.

    Ends with 3 as long as a region holds a key.
    """
    with invocation.services() as services:
        with services.catalog.read() as session:
            found = resolve_backup(session, backup)
            expiry = get_expiry(session, found.id)
        return show_expiry(services, expiry, invocation.screen)


@retention.command("log", examples=("strongroom retention log", "strongroom retention log --source uploads --json"))
@click.option("--source", help="Only what concerns this source.")
@paging_options
@click.pass_obj
def log(invocation: Invocation, source: str | None, limit: int, cursor: str | None) -> None:
    """List who held, released, approved or expired what, newest first."""
    screen = invocation.screen
    with invocation.services() as services, services.catalog.read() as session:
        page = list_events(session, source=source, limit=limit, cursor=cursor)
    if screen.json:
        screen.document({"items": [row_document(one) for one in page.items], "next_cursor": page.next_cursor})
        return
    rows = [
        (moment(one.at), one.actor, one.action, one.source, str(one.backup_id or ""), str(one.detail.get("why", "")))
        for one in page.items
    ]
    screen.table(("WHEN", "WHO", "WHAT", "SOURCE", "BACKUP", "WHY"), rows)
    if page.next_cursor:
        screen.say(f"More: --cursor {page.next_cursor}")
