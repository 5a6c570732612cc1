"""`strongroom repair`: mend a region's copies from the other regions."""

from collections.abc import Iterator
from typing import Any

import click

from strongroom.backup.lookup import resolve_backup
from strongroom.catalog.backup_queries import list_backups
from strongroom.catalog.backups import Backup, BackupState, Medium
from strongroom.cli.command import Command
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.figures import count
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.cli.waiting import Waiting, waiting_options
from strongroom.errors import ExitCode
from strongroom.services import Services
from strongroom.upkeep.repairing import RepairRequest, request_repair

EVERY_REGION = "all"
MOST_LINES = 20


@click.command(
    "repair",
    cls=Command,
    examples=(
        "strongroom repair latest:shop",
        "strongroom repair latest:shop --region us-east-1 --dry-run",
        "strongroom repair --all --here",
    ),
)
@click.argument("backup", required=False)
@click.option("--all", "every", is_flag=True, help="Repair every committed backup.")
@click.option("--region", default=EVERY_REGION, show_default=True, help="The region whose copies are mended.")
@click.option("--dry-run", is_flag=True, help="Only say what is missing or damaged.")
@waiting_options
@click.pass_obj
def repair(
    invocation: Invocation, backup: str | None, region: str, waiting: Waiting, *, every: bool, dry_run: bool
) -> ExitCode:
    """Mend a region's copies from the other regions.

    What the region lacks of BACKUP, or holds damaged, is fetched from another that holds it whole. Ends with 15 when
    something is whole nowhere; the files it belongs to are named.
    """
    if every == (backup is not None):
        raise click.UsageError("Name a backup, or say --all.")
    worst = ExitCode.OK
    with invocation.services() as services:
        for request in _requests(services, backup, region, apply=not dry_run):
            job = request_repair(services, request)
            if await_job(services, job, waiting, invocation.screen):
                worst = max(worst, _show(services.ledger.get(job.id).result or {}, invocation.screen))
    return worst


def _requests(services: Services, reference: str | None, region: str, *, apply: bool) -> Iterator[RepairRequest]:
    for backup in _chosen(services, reference):
        for name in backup.regions if region == EVERY_REGION else [region]:
            yield RepairRequest(str(backup.id), name, apply, None, trace_id_of(services))


def _chosen(services: Services, reference: str | None) -> Iterator[Backup]:
    if reference is not None:
        with services.catalog.read() as session:
            yield resolve_backup(session, reference)
        return
    cursor = None
    while True:
        with services.catalog.read() as session:
            page = list_backups(session, state=BackupState.COMMITTED, limit=500, cursor=cursor)
        yield from (backup for backup in page.items if backup.medium is Medium.REPOSITORY)
        cursor = page.next_cursor
        if cursor is None:
            return


def _show(result: dict[str, Any], screen: Screen) -> ExitCode:
    broken, repaired, lost = (len(result[name]) for name in ("broken", "repaired", "lost"))
    unmended = bool(lost or (broken and not result["applied"]))
    if screen.json:
        screen.event("summary", **result)
    else:
        screen.line(
            f"Backup {result['backup']} in {result['region']}: {count(result['objects'], 'object')}, "
            f"{broken} missing or damaged, {repaired} repaired."
        )
        for key in result["lost"][:MOST_LINES]:
            screen.line(f"  lost everywhere: {key}")
        for path in (result["files"] or [])[:MOST_LINES]:
            screen.line(f"  affected: {path}")
    return ExitCode.INTEGRITY if unmended else ExitCode.OK
