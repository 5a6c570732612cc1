"""`strongroom secrets remove-versions`: destroy the keys of versions that nothing needs."""

from pathlib import Path
from typing import TypedDict, Unpack

import click

from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.secrets.command import SecretsCommand, dry_run_option, env_file_option, yes_option
from strongroom.cli.secrets.place import installed_place
from strongroom.cli.secrets.removing import Removal
from strongroom.cli.secrets.sealing import SealOptions, seal_options, sealing_keys
from strongroom.cli.secrets.speaking import Speaker
from strongroom.cli.stepping_up import stepped_up
from strongroom.columnkeys.changes import destroyed
from strongroom.rotation.errors import VersionNeededError
from strongroom.rotation.retiring import verify_not_needed
from strongroom.stepup.acts import Act
from strongroom.stepup.errors import StepUpRefusedError, StepUpWaitingError

versions_option = click.option("--versions", required=True, help="The versions, separated by commas: v1,v2")


class Agreed(TypedDict):
    """How far the command may go."""

    dry_run: bool
    yes: bool


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
@operator_options
@seal_options
@click.pass_obj
def remove_versions(
    invocation: Invocation,
    versions: str,
    env_file: Path | None,
    sealing: SealOptions,
    persons: OperatorOptions,
    **agreed: Unpack[Agreed],
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
        with removal.refused_by(VersionNeededError):
            verify_not_needed(removal.needs(ring, names))
        speaker.line("Versions to remove: {versions}", versions=", ".join(names))
        if agreed["dry_run"]:
            speaker.line("[DRY-RUN] Nothing was changed")
            removal.finish("dry-run", [])
        else:
            keys = sealing_keys(invocation, speaker, sealing)
            question = "Remove versions {versions} from '{file}'?"
            speaker.confirm(question, yes=agreed["yes"], versions=", ".join(names), file=place.shown)
            act = Act("keys.destroy", ",".join(names))
            with (
                removal.refused_by(StepUpRefusedError, StepUpWaitingError),
                stepped_up(invocation, services, act, persons),
            ):
                removal.apply(names, keys)
            speaker.line("[OK] Versions removed: {versions}", versions=", ".join(names))
            removal.finish("done", names)
    removed = [] if agreed["dry_run"] else names
    speaker.document({"operation": removal.operation, "removed": removed, "dry_run": agreed["dry_run"]})


def split_names(text: str) -> list[str]:
    """Return the names in a list with commas, each once; raises UsageError for an empty list."""
    names = list(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    if not names:
        raise click.UsageError("Name at least one version: --versions v1,v2")
    return names
