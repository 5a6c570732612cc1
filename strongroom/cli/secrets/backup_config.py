"""`strongroom secrets backup-config`: a sealed copy of the file of keys."""

from datetime import timedelta
from pathlib import Path

import click

from strongroom.audit.acting import describe, name_act
from strongroom.audit.events import AuditAction
from strongroom.cli.file_changes import changing_files
from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, env_file_option
from strongroom.cli.secrets.place import RingPlace, open_place, shown
from strongroom.cli.secrets.sealing import SealOptions, seal_options, sealing_keys
from strongroom.cli.secrets.speaking import Speaker
from strongroom.clock import SystemClock
from strongroom.columnkeys.copies import list_copies, plan_removal, write_copy


@click.command(
    "backup-config",
    cls=SecretsCommand,
    examples=("strongroom secrets backup-config", "strongroom secrets backup-config --cleanup-old --keep-backups 10"),
)
@env_file_option
@click.option("--cleanup-old", is_flag=True, help="Remove old copies after making the new one.")
@click.option(
    "--keep-backups", type=click.IntRange(1), default=5, show_default=True, help="Copies that --cleanup-old leaves."
)
@seal_options
@click.pass_obj
def backup_config(
    invocation: Invocation, env_file: Path | None, keep_backups: int, sealing: SealOptions, *, cleanup_old: bool
) -> None:
    """Make a sealed copy of the file of keys beside it.

    The copy opens with a passphrase, with the recovery key, or with either. The last copy of a destroyed key is never
    removed within its grace time.
    """
    speaker, place = Speaker.of(invocation), open_place(invocation, env_file)
    keys = sealing_keys(invocation, speaker, sealing)
    name_act(AuditAction.SENSITIVE_READ)
    with changing_files(invocation, place.file.path):
        path = write_copy(place.file, keys, SystemClock().now())
        removed = _remove_old(place, keep_backups) if cleanup_old else []
        describe(reason=f"sealed copy {path.name}, {len(removed)} old ones removed")
    speaker.line("[OK] Backup created: {file}", file=shown(path))
    for old in removed:
        speaker.line("[OK] Old backup removed: {file}", file=shown(old))
    speaker.document({"backup": str(path), "removed": [str(old) for old in removed]})


def _remove_old(place: RingPlace, keep: int) -> list[Path]:
    grace = timedelta(days=place.column_keys.grace_days)
    leaving = plan_removal(list_copies(place.file), place.file.load(), keep, SystemClock().now(), grace)
    for copy in leaving:
        copy.path.unlink(missing_ok=True)
    return [copy.path for copy in leaving]
