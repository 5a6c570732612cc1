"""`strongroom export`: backups as encrypted files outside of the regions, and restores from them."""

import sys
import uuid
from pathlib import Path
from typing import TypedDict, Unpack

import click

from strongroom.audit.acting import name_act
from strongroom.audit.events import AuditAction
from strongroom.backup.kinds import RequestedKind
from strongroom.backup.lookup import resolve_backup
from strongroom.backup.requests import BackupRequest, request_backup
from strongroom.catalog.backup_queries import get_backup
from strongroom.cli.acts import announce
from strongroom.cli.backup_report import report_backup
from strongroom.cli.command import Group
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.export_report import ByteLines, show_checked, show_exports, show_made
from strongroom.cli.export_restore import Consent, ExportTargets, restore_export
from strongroom.cli.here import copy_here
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.waiting import Waiting, recovery_option
from strongroom.errors import ExitCode
from strongroom.exports.checking import open_export, unreadable, verify_part
from strongroom.exports.choosing import Chosen, choose_sources
from strongroom.exports.keeping import Keeping, list_exports, plan_removal, remove
from strongroom.exports.making import Made, make_export, prepare_output, verify_room_before
from strongroom.services import Services

DIRECTORY = click.Path(file_okay=False, path_type=Path)


class SourceOptions(TypedDict):
    """The options that say what goes into an export, and how it is backed up."""

    database: str | None
    storage: str | None
    database_only: bool
    latest: bool
    wait: bool


class TargetOptions(TypedDict):
    """The options that say which parts of an export are restored, and where to."""

    database_only: bool
    storage_only: bool
    database_target: str | None
    storage_target: Path | None


@click.group("export", cls=Group)
def export() -> None:
    """Make encrypted copies outside of the regions; restore them."""


@export.command(
    "make",
    examples=(
        "strongroom export make --output /mnt/usb/exports",
        "strongroom export make --output /mnt/usb/exports --database-only --retention-days 7",
    ),
)
@click.option("--output", type=DIRECTORY, help="Directory of exports; by default `exports` in data_dir.")
@click.option("--database-only", is_flag=True, help="Leave directories out.")
@click.option("--database", metavar="SOURCE", help="The source with the database, where there are several.")
@click.option("--storage", metavar="SOURCE", help="The source with the directory, where there are several.")
@click.option("--retention-days", type=click.IntRange(min=1), help="Afterwards delete exports older than this.")
@click.option("--keep", type=click.IntRange(min=1), help="So many of the newest stay, whatever their age.")
@click.option("--latest", is_flag=True, help="Export the newest backups there are, without making new ones.")
@click.option("--wait", is_flag=True, help="Let workers make the backups, instead of this process.")
@click.pass_obj
def make(
    invocation: Invocation,
    output: Path | None,
    retention_days: int | None,
    keep: int | None,
    **options: Unpack[SourceOptions],
) -> ExitCode:
    """Back up a database and a directory, and copy both backups into a new directory below the output.

    What lies there is encrypted as in a region, and opened by the key of any region or by the recovery key. Old exports
    are deleted only after a new one is whole; the newest always stays. Ends with 3 when something could not be read.
    """
    with invocation.services() as services:
        chosen = choose_sources(
            services.settings, options["database"], options["storage"], database_only=options["database_only"]
        )
        place = (output or services.settings.data_dir / "exports").absolute()
        prepare_output(place)
        verify_room_before(services, chosen, place)
        name_act(AuditAction.SENSITIVE_READ)
        announce(services.catalog)
        backups = (
            _newest(services, chosen)
            if options["latest"]
            else _back_up(services, chosen, invocation, wait=options["wait"])
        )
        made = make_export(services, chosen, backups, place, ByteLines(invocation.screen, services.clock))
        removed = _tidy(services, place, Keeping(retention_days, keep))
        show_made(made, removed, invocation.screen)
        return _outcome(services, made)


def _newest(services: Services, chosen: Chosen) -> dict[str, uuid.UUID]:
    with services.catalog.read() as session:
        return {name: resolve_backup(session, f"latest:{name}").id for name in chosen.names}


def _back_up(services: Services, chosen: Chosen, invocation: Invocation, *, wait: bool) -> dict[str, uuid.UUID]:
    made = {}
    for name in chosen.names:
        request = BackupRequest(name, RequestedKind.AUTO, None, trace_id_of(services))
        job = request_backup(services, request)
        await_job(services, job, Waiting.FOLLOW if wait else Waiting.HERE, invocation.screen)
        if not wait:
            copy_here(services, job.id, invocation.screen)
        report_backup(services, job.id, invocation.screen, copied=not wait)
        made[name] = job.id
    return made


def _tidy(services: Services, place: Path, keeping: Keeping) -> list[Path]:
    goes = plan_removal(list_exports(place), keeping, services.clock.now())
    for one in goes:
        try:
            remove(one)
        except OSError as error:
            raise unreadable(one.path, error) from None
    return [one.path for one in goes]


def _outcome(services: Services, made: Made) -> ExitCode:
    with services.catalog.read() as session:
        partial = any(get_backup(session, part.backup).problem_count for part in made.manifest.parts)
    return ExitCode.PARTIAL if partial else ExitCode.OK


@export.command("list", examples=("strongroom export list /mnt/usb/exports",))
@click.argument("directory", type=DIRECTORY)
@click.pass_obj
def list_command(invocation: Invocation, directory: Path) -> None:
    """List the exports in DIRECTORY, newest first."""
    try:
        found = list_exports(directory)
    except OSError as error:
        raise unreadable(directory, error) from None
    show_exports([open_export(one.path) for one in found], invocation.screen)


@export.command("check", examples=("strongroom export check /mnt/usb/exports/backup_20260301_020000",))
@click.argument("directory", type=DIRECTORY)
@click.pass_obj
def check(invocation: Invocation, directory: Path) -> None:
    """Compare the files of one export in DIRECTORY with its manifest; needs no key.

    Ends with 15 when something is missing, cut short or changed.
    """
    opened = open_export(directory)
    for part in opened.manifest.parts:
        verify_part(opened, part)
    show_checked(opened, invocation.screen)


@export.command(
    "restore",
    examples=(
        "strongroom export restore /mnt/usb/exports/backup_20260301_020000",
        "strongroom export restore /mnt/usb/exports/backup_20260301_020000 --database-target shop_copy --no-confirm",
    ),
)
@click.argument("directory", type=DIRECTORY)
@click.option("--database-only", is_flag=True, help="Leave the directory tree as it is.")
@click.option("--storage-only", is_flag=True, help="Leave the database as it is.")
@click.option("--database-target", metavar="DATABASE", help="Into this database, or SOURCE/DATABASE.")
@click.option("--storage-target", type=DIRECTORY, help="Into this directory.")
@click.option("--no-confirm", is_flag=True, help="Ask nothing; a target that is not empty needs --confirm.")
@click.option("--confirm", multiple=True, metavar="NAME", help="A target that may be overwritten; repeat.")
@recovery_option
@operator_options
@click.pass_obj
def restore(
    invocation: Invocation,
    directory: Path,
    persons: OperatorOptions,
    *,
    no_confirm: bool,
    confirm: tuple[str, ...],
    recovery_key_file: Path | None,
    **targets: Unpack[TargetOptions],
) -> ExitCode:
    """Restore one export in DIRECTORY, by default into the database and directory that it came from.

    Needs strongroom.toml and a key, and neither catalog nor regions. Everything is checked first: the manifest, the
    files, the keys, what the targets hold and whether there is room. Then it asks. A target that holds something is
    overwritten only when its name is typed, or given with --confirm. Ends with 3 when something could not be restored
    exactly.
    """
    consent = Consent(confirm, None if no_confirm else sys.stdin)
    return restore_export(invocation, directory, ExportTargets(**targets), consent, persons, recovery_key_file)
