"""`strongroom secrets generate`: the first key."""

from datetime import UTC
from pathlib import Path

import click

from strongroom.cli.file_changes import changing_files
from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, env_file_option, yes_option
from strongroom.cli.secrets.place import open_place
from strongroom.cli.secrets.speaking import Speaker
from strongroom.clock import SystemClock, system_random
from strongroom.columnkeys.changes import KEY_BYTES, SALT_BYTES, first_ring, new_version
from strongroom.columnkeys.ring import KeyState
from strongroom.columnkeys.sources import ENVIRONMENT

HEADER = ("# Generated at {time}", "# KEEP THIS FILE SAFE - NEVER PUT IT UNDER GIT")


@click.command(
    "generate",
    cls=SecretsCommand,
    examples=("strongroom secrets generate", "strongroom secrets generate --version v1 --key-bytes 32"),
)
@env_file_option
@click.option("--version", default="v1", show_default=True, help="Name of the first version.")
@click.option("--key-bytes", type=click.IntRange(32, 64), default=KEY_BYTES, show_default=True, help="Size of the key.")
@click.option(
    "--salt-bytes", type=click.IntRange(16, 64), default=SALT_BYTES, show_default=True, help="Size of the salt."
)
@yes_option
@click.pass_obj
def generate(
    invocation: Invocation, env_file: Path | None, version: str, key_bytes: int, salt_bytes: int, *, yes: bool
) -> None:
    """Make the first key, and the file that holds it.

    An existing file is never written over.
    """
    speaker, place = Speaker.of(invocation), open_place(invocation, env_file)
    if ENVIRONMENT in place.source.origins():
        speaker.confirm("The environment carries column keys already. Make a file beside them?", yes=yes)
    now = SystemClock().now()
    made = new_version(version, KeyState.ACTIVE, now, system_random, key_bytes, salt_bytes)
    with changing_files(invocation, place.file.path):
        place.file.create(first_ring(made), header(speaker))
    speaker.line("[OK] Configuration written to: {file}", file=place.shown)
    speaker.line("[OK] Version: {version}", version=version)
    speaker.line("[OK] Permissions set to 600")
    speaker.line()
    speaker.line("[NOTICE] NEXT STEPS:")
    speaker.line("   1. Add it to .gitignore: echo '{file}' >> .gitignore", file=place.file.path.name)
    speaker.line("   2. Make a backup: strongroom secrets backup-config")
    speaker.line("   3. In production, wrap the keys by a KMS or Vault")
    speaker.document({"file": str(place.file.path), "version": version})


def header(speaker: Speaker) -> tuple[str, ...]:
    """Return the first lines of a file of keys."""
    time = SystemClock().now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return tuple(speaker.text(line, time=time) for line in HEADER)
