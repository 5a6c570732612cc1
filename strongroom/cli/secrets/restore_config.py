"""`strongroom secrets restore-config`: put a copy of the file of keys back."""

from pathlib import Path

import click

from strongroom.audit.acting import describe
from strongroom.cli.file_changes import changing_files
from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, env_file_option, yes_option
from strongroom.cli.secrets.generate import header
from strongroom.cli.secrets.held_keys import verify_held_keys
from strongroom.cli.secrets.place import RingPlace, open_place, shown
from strongroom.cli.secrets.sealing import opening_keys, passphrase_option
from strongroom.cli.secrets.speaking import Speaker
from strongroom.clock import SystemClock
from strongroom.columnkeys.changes import restored
from strongroom.columnkeys.copies import open_copy_file, read_copy_file
from strongroom.columnkeys.ring import KeyRing
from strongroom.columnkeys.sealed_copy import is_copy
from strongroom.errors import StrongroomError


@click.command(
    "restore-config",
    cls=SecretsCommand,
    examples=("strongroom secrets restore-config --backup-file .env.crypto.backup_20241015_143022",),
)
@click.option(
    "--backup-file",
    required=True,
    type=click.Path(dir_okay=False, path_type=Path),
    help="The copy: sealed, or plain and of mode 600.",
)
@env_file_option
@passphrase_option
@click.option(
    "--recovery-key-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Open the copy with the recovery key in this file.",
)
@yes_option
@click.pass_obj
def restore_config(
    invocation: Invocation,
    backup_file: Path,
    env_file: Path | None,
    passphrase_file: Path | None,
    recovery_key_file: Path | None,
    *,
    yes: bool,
) -> None:
    """Put a copy back in place of the file of keys.

    The copy is opened and checked first, also against the keys that live processes report. Versions that only the file
    has stay and can read; none is lost by a restore.
    What the file said before stays beside it.
    """
    speaker, place = Speaker.of(invocation), open_place(invocation, env_file)
    sealed = is_copy(read_copy_file(backup_file))
    keys = opening_keys(invocation, speaker, passphrase_file, recovery_key_file) if sealed else []
    copy, _ = open_copy_file(backup_file, place.file, keys)
    speaker.line("[OK] Backup is whole: {versions}", versions=", ".join(copy.versions))
    present = _find_present(place, speaker)
    ring = restored(present, copy, SystemClock().now())
    verify_held_keys(place, speaker, ring)
    kept = [name for name in ring.versions if name not in copy.versions]
    if kept:
        speaker.line("[NOTICE] Kept from the file, to read only: {versions}", versions=", ".join(kept))
    speaker.confirm("Restore '{backup}' to '{file}'?", yes=yes, backup=shown(backup_file), file=place.shown)
    describe(reason=f"from {backup_file.name}")
    with changing_files(invocation, place.file.path):
        ring = place.file.restore(lambda now_there: restored(now_there, copy, SystemClock().now()), header(speaker))
    speaker.line("[OK] Configuration restored from: {backup}", backup=shown(backup_file))
    speaker.line("Active version: {version}", version=ring.active)
    document = {"restored": str(backup_file), "active": ring.active, "versions": list(ring.versions), "kept": kept}
    speaker.document(document)


def _find_present(place: RingPlace, speaker: Speaker) -> KeyRing | None:
    if not place.file.exists():
        return None
    try:
        return place.file.load()
    except StrongroomError as error:
        speaker.warn("the file that is replaced cannot be read: {reason}", reason=error.what)
        return None
