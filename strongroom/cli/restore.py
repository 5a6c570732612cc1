"""`strongroom restore`: look at what a restore would do, and do it."""

from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, NotRequired, TypeVar, Unpack

import click

from strongroom.audit.acting import name_act
from strongroom.audit.events import AuditAction, AuditEvent
from strongroom.audit.recording import record_alone
from strongroom.backup.lookup import resolve_backup
from strongroom.backup.planning import plan_restore
from strongroom.backup.restore_requests import RestoreRequest, request_restore
from strongroom.backup.roles import read_globals
from strongroom.backup.selection import Selection
from strongroom.backup.targets import TargetRequest, place_of, verify_overwrite
from strongroom.catalog.backups import Backup, Medium
from strongroom.cli.cloud_options import CloudOptions, cloud_options, read_cloud_target
from strongroom.cli.command import Group
from strongroom.cli.database_options import DatabaseOptions, database_options, read_wish
from strongroom.cli.deadlines import deadline_option
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.documents import plain
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.restore_report import report_plan, report_restore, warn_if_partial
from strongroom.cli.stepping_up import stepped_up
from strongroom.cli.targets import read_target
from strongroom.cli.waiting import Waiting, recovery_option, waiting_options
from strongroom.errors import ExitCode
from strongroom.services import Services
from strongroom.stepup.acts import Act

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])

TARGET_HELP = (
    "A directory; s3://BUCKET/PREFIX for a backup of a bucket, logs:GROUP or logs:GROUP:STREAM for one of log groups; "
    "or DATABASE, or SOURCE/DATABASE for one on another source's server. {database} stands for the name of each "
    "database. For snapshots: the availability zone of new EBS volumes, or the name of a new RDS database."
)


class RestoreOptions(DatabaseOptions, CloudOptions):
    """The options that say what a restore does."""

    target: str | None
    region: str | None
    overwrite: bool
    confirm: NotRequired[str | None]
    deadline: NotRequired[int | None]
    paths: tuple[str, ...]
    include: tuple[str, ...]
    exclude: tuple[str, ...]


def selection_options(function: FunctionT) -> FunctionT:
    """Give a command the options that choose what of a backup is restored."""
    options = (
        click.option(
            "--path", "paths", multiple=True, help="Only this file, or this directory with all below; repeat."
        ),
        click.option("--include", multiple=True, metavar="PATTERN", help="Only what the pattern names; repeat."),
        click.option("--exclude", multiple=True, metavar="PATTERN", help="Not what the pattern names; repeat."),
    )
    for option in reversed(options):
        function = option(function)
    return function


@click.group("restore", cls=Group)
def restore() -> None:
    """Plan and run restores."""


@restore.command(
    "plan",
    examples=(
        "strongroom restore plan latest:uploads",
        "strongroom restore plan latest:uploads --path photos/2026 --exclude '*.tmp'",
        "strongroom restore plan latest:shop --target shop_copy --region us-east-1",
    ),
)
@click.argument("backup")
@click.option("--target", help=TARGET_HELP)
@click.option("--region", help="Read from this region instead of the first that answers.")
@click.option("--overwrite", is_flag=True, help="Plan as if what the target holds may be replaced.")
@selection_options
@database_options
@cloud_options
@click.pass_obj
def plan(invocation: Invocation, backup: str, **options: Unpack[RestoreOptions]) -> ExitCode:
    """Show what restoring BACKUP, an id or latest:SOURCE, would do; writes nothing.

    Ends with 11 where the restore would fail.
    """
    with invocation.services() as services:
        return report_plan(plan_restore(services, _request(services, backup, options)), invocation.screen)


@restore.command(
    "roles",
    examples=(
        "strongroom restore roles latest:server",
        "strongroom restore roles latest:server --missing-on standby | psql -h standby.example.org postgres",
    ),
)
@click.argument("backup")
@click.option("--missing-on", metavar="SOURCE", help="Leave out what the server of this source has already.")
@click.option("--region", help="Read from this region instead of the first that answers.")
@click.pass_obj
def roles(invocation: Invocation, backup: str, missing_on: str | None, region: str | None) -> None:
    """Print the SQL that makes the roles and tablespaces in BACKUP, an id or latest:SOURCE.

    Nothing is applied, and no role is ever changed: give the output to psql. It may hold hashes of passwords.
    """
    with invocation.services() as services:
        with services.catalog.read() as session:
            found = resolve_backup(session, backup)
        globals_ = read_globals(services, found.id, region, missing_on=missing_on)
        # Before a hash is shown: what is not in the log is not read out.
        what = f"roles and tablespaces of {found.source}"
        record_alone(services.catalog, AuditEvent(AuditAction.SENSITIVE_READ, str(found.id), reason=what))
    if invocation.screen.json:
        invocation.screen.document(plain(globals_))
        return
    click.echo(globals_.script, nl=False)
    for name in globals_.skipped:
        invocation.screen.say(f"left out, since {missing_on} has it: {name}")


@restore.command(
    "run",
    examples=(
        "strongroom restore run latest:uploads --target /srv/restored",
        "strongroom restore run latest:uploads --target /srv/restored --path photos/2026 --include '*.raw'",
        "strongroom restore run latest:shop --target shop_copy",
        "strongroom restore run latest:shop --target shop --overwrite --confirm shop",
        "strongroom restore run latest:server --database crm --target crm_copy --jobs 4",
        "strongroom restore run latest:server --target 'standby/{database}'",
        "strongroom restore run latest:disk --target us-east-1a --volume-type gp3",
        "strongroom restore run latest:orders --target orders-restored --instance-class db.t4g.medium",
        "strongroom restore run latest:shop --table public.orders --target shop --overwrite --confirm shop",
    ),
)
@click.argument("backup")
@click.option("--target", required=True, help=TARGET_HELP)
@click.option("--region", help="Read from this region instead of the first that answers.")
@click.option("--overwrite", is_flag=True, help="Replace what the target holds; needs --confirm.")
@click.option("--confirm", metavar="NAME", help="The target's name, to show that it is meant.")
@selection_options
@deadline_option
@database_options
@cloud_options
@click.option("--dry-run", is_flag=True, help="Only show what would be done, as `restore plan`.")
@recovery_option
@waiting_options
@operator_options
@click.pass_obj
def run(
    invocation: Invocation,
    backup: str,
    persons: OperatorOptions,
    *,
    dry_run: bool,
    recovery_key_file: Path | None,
    waiting: Waiting,
    **options: Unpack[RestoreOptions],
) -> ExitCode:
    """Restore BACKUP, an id or latest:SOURCE, into an empty or absent target.

    All of it, or what --path and --include name without what --exclude names; patterns are written as in a .gitignore
    file. Ends with 3 when something could not be restored exactly.
    """
    if recovery_key_file is not None and waiting is not Waiting.HERE:
        raise click.UsageError("Workers do not have the recovery key: add --here.")
    with invocation.services(recovery_key_file) as services:
        request = _request(services, backup, options)
        if dry_run:
            return report_plan(plan_restore(services, request), invocation.screen)
        verify_overwrite(request.target, overwrite=request.overwrite, confirm=request.confirm)
        act = Act("restore.overwrite", place_of(request.target), backup)
        with stepped_up(invocation, services, act, persons) if request.overwrite else nullcontext():
            name_act(AuditAction.SENSITIVE_READ)
            restore = request_restore(services, request)
        warn_if_partial(services, restore.backup_id, invocation.screen)
        job = services.ledger.get(restore.id)
        if not await_job(services, job, waiting, invocation.screen):
            return ExitCode.OK
        return report_restore(services, restore.id, invocation.screen)


def _target(found: Backup, options: RestoreOptions) -> TargetRequest:
    if found.medium is Medium.SNAPSHOT:
        return read_cloud_target(found, options["target"], options)
    return read_target(found, options["target"])


def _request(services: Services, backup: str, options: RestoreOptions) -> RestoreRequest:
    with services.catalog.read() as session:
        found = resolve_backup(session, backup)
    return RestoreRequest(
        backup=str(found.id),
        region=options["region"],
        target=_target(found, options),
        overwrite=options.get("overwrite", False),
        confirm=options.get("confirm"),
        idempotency_key=None,
        trace_id=trace_id_of(services),
        selection=Selection(options["paths"], options["include"], options["exclude"]),
        deadline_seconds=options.get("deadline"),
        databases=read_wish(options),
    )
