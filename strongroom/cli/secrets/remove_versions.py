"""`strongroom secrets remove-versions`: destroy the keys of versions that nothing needs."""

from pathlib import Path

import click

from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand, dry_run_option, env_file_option, yes_option
from strongroom.cli.secrets.place import installed_place
from strongroom.cli.secrets.removing import Removal
from strongroom.cli.secrets.sealing import SealOptions, seal_options, sealing_keys
from strongroom.cli.secrets.speaking import Speaker
from strongroom.columnkeys.changes import destroyed
from strongroom.rotation.errors import VersionNeededError
from strongroom.rotation.retiring import verify_not_needed

versions_option = click.option("--versions", required=True, help="The versions, separated by commas: v1,v2")


@click.command(
    "remove-versions",
    cls=SecretsCommand,
    examples=(
        'strongroom secrets remove-versions --versions v1,v3 --dry-run --logfile ""',
        "strongroom secrets remove-versions --versions v1 --yes",
    ),
)
@versions_option
@env_file_option
@dry_run_option
@yes_option
@seal_options
@click.pass_obj
def remove_versions(
    invocation: Invocation, versions: str, env_file: Path | None, sealing: SealOptions, *, dry_run: bool, yes: bool
) -> None:
    """Destroy the keys of versions, after proof that nothing needs them.

    Refuses while a row, a quarantined row, an open re-encryption, a live process or a kept backup needs one of them. A
    sealed copy is made first, from which restore-config brings them back.
    """
    speaker, place = Speaker.of(invocation), installed_place(invocation, env_file)
    names = split_names(versions)
    with invocation.services() as services:
        ring = place.file.load()
        destroyed(ring, names, services.clock.now())
        removal = Removal.begin(place, services, speaker, "remove-versions")
        try:
            verify_not_needed(removal.needs(ring, names))
        except VersionNeededError as error:
            removal.refuse(error)
            raise
        speaker.line("Versions to remove: {versions}", versions=", ".join(names))
        if dry_run:
            speaker.line("[DRY-RUN] Nothing was changed")
            removal.finish("dry-run", [])
        else:
            keys = sealing_keys(invocation, speaker, sealing)
            speaker.confirm(
                "Remove versions {versions} from '{file}'?", yes=yes, versions=", ".join(names), file=place.shown
            )
            removal.apply(names, keys)
            speaker.line("[OK] Versions removed: {versions}", versions=", ".join(names))
            removal.finish("done", names)
    speaker.document({"operation": removal.operation, "removed": [] if dry_run else names, "dry_run": dry_run})


def split_names(text: str) -> list[str]:
    """Return the names in a list with commas, each once; raises UsageError for an empty list."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise click.UsageError("Name at least one version: --versions v1,v2")
    return names
