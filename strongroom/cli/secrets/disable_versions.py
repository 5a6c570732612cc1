"""`strongroom secrets disable-versions` and `enable-versions`: take versions out of use, and undo it."""

from pathlib import Path

import click

from strongroom.audit.acting import describe
from strongroom.cli.file_changes import changing_files
from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, env_file_option, yes_option
from strongroom.cli.secrets.place import installed_place, open_place
from strongroom.cli.secrets.remove_versions import split_names, versions_option
from strongroom.cli.secrets.speaking import Speaker
from strongroom.clock import SystemClock
from strongroom.columnkeys.changes import disabled, enabled
from strongroom.rotation.retiring import live_needs, verify_not_needed


@click.command("disable-versions", cls=SecretsCommand, examples=("strongroom secrets disable-versions --versions v1",))
@versions_option
@env_file_option
@yes_option
@click.pass_obj
def disable_versions(invocation: Invocation, versions: str, env_file: Path | None, *, yes: bool) -> None:
    """Take versions out of use, after proof that no row, re-encryption or live process needs them.

    Backups made from now on do not need them either; remove-versions works when the earlier ones have expired.
    """
    speaker, place, names = Speaker.of(invocation), installed_place(invocation, env_file), split_names(versions)
    with invocation.services() as services:
        disabled(place.file.load(), names, services.clock.now())
        verify_not_needed(live_needs(services, names))
        speaker.confirm("Disable versions {versions}?", yes=yes, versions=", ".join(names))
        describe(reason=f"versions {', '.join(names)}")
        with changing_files(services, place.file.path):
            place.file.change(lambda ring: disabled(ring, names, services.clock.now()))
    speaker.line("[OK] Versions disabled: {versions}", versions=", ".join(names))
    speaker.document({"disabled": names})


@click.command("enable-versions", cls=SecretsCommand, examples=("strongroom secrets enable-versions --versions v1",))
@versions_option
@env_file_option
@click.pass_obj
def enable_versions(invocation: Invocation, versions: str, env_file: Path | None) -> None:
    """Let disabled versions read again."""
    speaker, place, names = Speaker.of(invocation), open_place(invocation, env_file), split_names(versions)
    describe(reason=f"versions {', '.join(names)}")
    with changing_files(invocation, place.file.path):
        place.file.change(lambda ring: enabled(ring, names, SystemClock().now()))
    speaker.line("[OK] Versions enabled: {versions}", versions=", ".join(names))
    speaker.document({"enabled": names})
