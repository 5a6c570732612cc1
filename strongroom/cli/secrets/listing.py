"""`strongroom secrets list`: the versions, which is active, and where they come from."""

from pathlib import Path

import click

from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, env_file_option
from strongroom.cli.secrets.place import RingPlace, open_place, shown
from strongroom.cli.secrets.speaking import Speaker
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.columnkeys.sources import ENVIRONMENT


@click.command(
    "list",
    cls=SecretsCommand,
    examples=("strongroom secrets list", 'strongroom secrets list --logfile ""'),
)
@env_file_option
@click.pass_obj
def list_versions(invocation: Invocation, env_file: Path | None) -> None:
    """List the versions of the keys, and show which is active."""
    speaker, place = Speaker.of(invocation), open_place(invocation, env_file)
    ring = place.source.load()
    speaker.line("Active version: {version}", version=ring.active)
    speaker.line()
    speaker.line("Available versions ({count}):", count=len(ring.versions))
    for name, version in ring.versions.items():
        speaker.line("  - {version}{note}", version=name, note=_note(speaker, version))
    speaker.line()
    speaker.line("[INFO] Configuration loaded from:")
    for origin in place.source.origins():
        speaker.line("  - {origin}", origin=speaker.text(origin) if origin == ENVIRONMENT else shown(Path(origin)))
    speaker.document(_document(ring, place))


def _note(speaker: Speaker, version: KeyVersion) -> str:
    if version.state is KeyState.DECRYPT_ONLY:
        return ""
    return f" [{speaker.text(version.state.value).upper()}]"


def _document(ring: KeyRing, place: RingPlace) -> dict[str, object]:
    versions = [
        {
            "name": version.name,
            "state": version.state.value,
            "created": version.created.isoformat() if version.created else None,
            "changed": version.changed.isoformat() if version.changed else None,
        }
        for version in ring.versions.values()
    ]
    return {
        "active": ring.active,
        "fingerprint": ring.fingerprint(),
        "versions": versions,
        "origins": place.source.origins(),
    }
