"""`strongroom backup`: make, list, look into and verify backups."""

import click

from strongroom.backup.kinds import RequestedKind
from strongroom.backup.lookup import resolve_backup
from strongroom.backup.requests import BackupRequest, VerificationRequest, request_backup, request_verification
from strongroom.catalog.backup_queries import list_backups, list_replicas
from strongroom.catalog.backups import BackupState, VerificationLevel
from strongroom.cli.backup_report import report_backup, report_verification, show_backup, show_backups
from strongroom.cli.command import Group, ValueOf
from strongroom.cli.deadlines import deadline_option
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.here import copy_here
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.waiting import Waiting, paging_options, waiting_options
from strongroom.errors import ExitCode


@click.group("backup", cls=Group)
def backup() -> None:
    """Make, list, look into and verify backups."""


@backup.command(
    "run",
    examples=(
        "strongroom backup run uploads",
        "strongroom backup run shop --here",
        "strongroom backup run shop --json",
    ),
)
@click.argument("source")
@click.option(
    "--type",
    "kind",
    type=ValueOf(RequestedKind),
    default=RequestedKind.AUTO,
    help="What to build upon: nothing, the last full backup, the last one, or what the schedule says is due.",
)
@click.option("--force-read", is_flag=True, help="Read every file, also those that look unchanged.")
@deadline_option
@waiting_options
@click.pass_obj
def run(
    invocation: Invocation,
    source: str,
    kind: RequestedKind,
    deadline: int | None,
    waiting: Waiting,
    *,
    force_read: bool,
) -> ExitCode:
    """Back up SOURCE now.

    Ends with 3 when something of the source could not be read, and with --here also when not every region has its copy.
    """
    with invocation.services() as services:
        request = BackupRequest(source, kind, None, trace_id_of(services), deadline, force_read)
        job = request_backup(services, request)
        if not await_job(services, job, waiting, invocation.screen):
            return ExitCode.OK
        if waiting is Waiting.HERE:
            copy_here(services, job.id, invocation.screen)
        return report_backup(services, job.id, invocation.screen, copied=waiting is Waiting.HERE)


@backup.command("list", examples=("strongroom backup list", "strongroom backup list --source uploads --json"))
@click.option("--source", help="Only backups of this source.")
@click.option("--state", type=ValueOf(BackupState), help="Only backups in this state.")
@paging_options
@click.pass_obj
def list_command(
    invocation: Invocation, source: str | None, state: BackupState | None, limit: int, cursor: str | None
) -> None:
    """List backups, newest first."""
    with invocation.services() as services, services.catalog.read() as session:
        page = list_backups(session, source=source, state=state, limit=limit, cursor=cursor)
        show_backups(page, invocation.screen)


@backup.command("show", examples=("strongroom backup show latest:uploads",))
@click.argument("backup")
@click.pass_obj
def show(invocation: Invocation, backup: str) -> None:
    """Show BACKUP, an id or latest:SOURCE, with its copies and problems."""
    with invocation.services() as services, services.catalog.read() as session:
        found = resolve_backup(session, backup)
        show_backup(found, list_replicas(session, found.id), invocation.screen)


@backup.command(
    "ls",
    examples=(
        "strongroom backup ls latest:uploads",
        "strongroom backup ls latest:uploads photos/2026 --long",
        "strongroom backup ls latest:uploads --recursive --json",
    ),
)
@click.argument("backup")
@click.argument("path", default="")
@click.option("--recursive", "-r", is_flag=True, help="Also what lies in directories below.")
@click.option("--long", "-l", is_flag=True, help="With rights, owner, size and time.")
@click.option("--region", help="Read from this region instead of the first that answers.")
@click.pass_obj
def ls(invocation: Invocation, backup: str, path: str, *, region: str | None, recursive: bool, long: bool) -> None:
    """List what BACKUP, an id or latest:SOURCE, holds in PATH, by default in its root."""
    from strongroom.backup.browsing import list_entries, open_backup
    from strongroom.cli.browsing import show_entries

    with invocation.services() as services:
        with services.catalog.read() as session:
            found = resolve_backup(session, backup)
        reader = open_backup(services, found.id, region)
        show_entries(list_entries(reader, path, recursive=recursive), invocation.screen, long=long)


@backup.command(
    "verify",
    examples=("strongroom backup verify latest:uploads", "strongroom backup verify latest:shop --level data --here"),
)
@click.argument("backup")
@click.option("--region", help="Check the copy in this region instead of the home region.")
@click.option(
    "--level",
    type=ValueOf(VerificationLevel),
    default=VerificationLevel.PRESENCE,
    help="Compare checksums only (presence), or read and decrypt every byte (data).",
)
@deadline_option
@waiting_options
@click.pass_obj
def verify(
    invocation: Invocation,
    backup: str,
    region: str | None,
    level: VerificationLevel,
    deadline: int | None,
    waiting: Waiting,
) -> ExitCode:
    """Check one region's copy of BACKUP, an id or latest:SOURCE.

    Ends with 15 when the copy is damaged.
    """
    with invocation.services() as services:
        request = VerificationRequest(
            backup, region, level, idempotency_key=None, trace_id=trace_id_of(services), deadline_seconds=deadline
        )
        verification = request_verification(services, request)
        job = services.ledger.get(verification.id)
        if not await_job(services, job, waiting, invocation.screen):
            return ExitCode.OK
        return report_verification(services, verification.id, invocation.screen)


@backup.command("retire", examples=("strongroom backup retire 0197f3c2-8f4e-7c1a-9d2b-3e4f5a6b7c8d --confirm uploads",))
@click.argument("backup")
@click.option("--confirm", metavar="SOURCE", help="The name of the backup's source, to say that it may go for good.")
@operator_options
@click.pass_obj
def retire_command(invocation: Invocation, backup: str, confirm: str | None, persons: OperatorOptions) -> ExitCode:
    """Give BACKUP up before its policy does: its keys are destroyed in every region.

    The next collection deletes what only it needs. Ends with 3 when a region did not answer or keeps keys under a lock;
    the nightly run goes on there.
    """
    # Not loaded by the commands that are given every night.
    from strongroom.cli.stepping_up import stepped_up
    from strongroom.retention.retiring import retire
    from strongroom.stepup.acts import Act

    act = Act("backup.retire", confirm or "", backup)
    with invocation.services() as services, stepped_up(invocation, services, act, persons) as by:
        retired, missed = retire(services, backup, confirm=confirm, by=by)
    if invocation.json:
        invocation.screen.document({"backup": str(retired.id), "regions_missed": missed})
    else:
        invocation.screen.line(f"Backup {retired.id} of {retired.source} is retired.")
    if missed:
        invocation.screen.warn(f"{', '.join(missed)} is not done and will be finished by the nightly run.")
    return ExitCode.PARTIAL if missed else ExitCode.OK
