"""`strongroom secrets validate-config`: every check of the file of keys."""

from pathlib import Path

import click

from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, env_file_option
from strongroom.cli.secrets.place import open_place
from strongroom.cli.secrets.speaking import Speaker
from strongroom.columnkeys.env_text import FILE_MAC, Entry, parse_env_text
from strongroom.columnkeys.ring import KeyState


@click.command(
    "validate-config",
    cls=SecretsCommand,
    examples=("strongroom secrets validate-config", 'strongroom secrets validate-config --logfile "check.log"'),
)
@env_file_option
@click.pass_obj
def validate_config(invocation: Invocation, env_file: Path | None) -> None:
    """Check that the file of keys is private and whole, and that every key and salt is what was written."""
    speaker, place = Speaker.of(invocation), open_place(invocation, env_file)
    content = place.file.read_bytes()
    ring, values = place.file.parse(content), parse_env_text(content).values
    speaker.line("[OK] Permissions: 600")
    for name, version in ring.versions.items():
        if version.state is KeyState.DESTROYED:
            continue
        speaker.line("[OK] Version {version}: salt matches its hash", version=name)
        if f"{Entry.CHECK}{name}" in values:
            speaker.line("[OK] Version {version}: key matches its check value", version=name)
        else:
            speaker.warn("version {version} has no check value; the next change of the file adds it.", version=name)
    if FILE_MAC in values:
        speaker.line("[OK] File: nothing was changed since it was written")
    else:
        speaker.warn("the file has no MAC; the next change of the file adds it.")
    place.source.load()
    speaker.line("[OK] Valid configuration: {file} (active version: {version})", file=place.shown, version=ring.active)
    speaker.document(
        {"file": str(place.file.path), "valid": True, "active": ring.active, "versions": list(ring.versions)}
    )
