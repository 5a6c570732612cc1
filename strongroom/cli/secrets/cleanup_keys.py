"""`strongroom secrets cleanup-keys`: destroy the keys of old versions that nothing needs."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from strongroom.audit.events import AuditEvent
from strongroom.audit.recording import record
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions, operator_options
from strongroom.cli.secrets.command import SecretsCommand, dry_run_option, env_file_option, yes_option
from strongroom.cli.secrets.place import installed_place
from strongroom.cli.secrets.removing import Removal
from strongroom.cli.secrets.sealing import SealOptions, seal_options, sealing_keys
from strongroom.cli.secrets.speaking import Speaker
from strongroom.cli.stepping_up import stepped_up
from strongroom.errors import ExitCode
from strongroom.rotation.registry import register_column
from strongroom.rotation.retiring import oldest_beyond
from strongroom.rotation.wishing import TargetWish, find_target
from strongroom.services import Services
from strongroom.stepup.acts import Act
from strongroom.stepup.errors import StepUpRefusedError, StepUpWaitingError

REGISTER = "cli: secrets register"
"""The act that this command begins with, by its name in the audit log."""


@dataclass(frozen=True, slots=True)
class CleanupOptions:
    """What shall be looked at and kept, as the command line says it."""

    model: str
    column: str
    keep_versions: int
    dry_run: bool
    yes: bool


@click.command(
    "cleanup-keys",
    cls=SecretsCommand,
    examples=(
        "strongroom secrets cleanup-keys --model app.models.user:User --column otp_secret --dry-run",
        "strongroom secrets cleanup-keys --model app.models.user:User --column otp_secret --keep-versions 5 --yes",
    ),
)
@click.option("--model", required=True, help="Model to look at, as module:Class; all registered ones are counted too.")
@click.option("--column", required=True, help="Name of its encrypted column in the database.")
@click.option(
    "--keep-versions", type=click.IntRange(1), default=3, show_default=True, help="Newest versions that stay."
)
@env_file_option
@dry_run_option
@yes_option
@operator_options
@seal_options
@click.pass_obj
def cleanup_keys(
    invocation: Invocation,
    /,
    env_file: Path | None,
    sealing: SealOptions,
    persons: OperatorOptions,
    **options: Any,
) -> ExitCode:
    """Destroy the keys of old versions, all but the newest, after proof that nothing needs them.

    A version that something needs stays, whatever its age; the command says why, and ends with 11 where none could go
    and with 3 where some could.
    """
    speaker, place, wanted = Speaker.of(invocation), installed_place(invocation, env_file), CleanupOptions(**options)
    with invocation.services() as services:
        _register(services, wanted)
        ring = place.file.load()
        aged = oldest_beyond(ring, wanted.keep_versions)
        removal = Removal.begin(place, services, speaker, "cleanup-keys")
        needs = removal.needs(ring, aged) if aged else {}
        free = [name for name in aged if not needs[name]]
        _say_what_stays(speaker, needs)
        speaker.line("Versions to remove: {versions}", versions=", ".join(free) or "-")
        if free and not wanted.dry_run:
            keys = sealing_keys(invocation, speaker, sealing)
            question = "Remove versions {versions} from '{file}'?"
            speaker.confirm(question, yes=wanted.yes, versions=", ".join(free), file=place.shown)
            act = Act("keys.destroy", ",".join(free))
            with (
                removal.refused_by(StepUpRefusedError, StepUpWaitingError),
                stepped_up(invocation, services, act, persons),
            ):
                removal.apply(free, keys)
        removed = [] if wanted.dry_run else free
        said = "[DRY-RUN] Nothing was changed" if wanted.dry_run else "[OK] Versions removed: {versions}"
        speaker.line(said, versions=", ".join(removed) or "-")
        removal.finish("dry-run" if wanted.dry_run else "done", removed)
    document = {"operation": removal.operation, "removed": removed, "free": free, "needed": needs}
    speaker.document(document | {"dry_run": wanted.dry_run})
    return _exit_code(aged, free)


def _say_what_stays(speaker: Speaker, needs: dict[str, list[str]]) -> None:
    for name, reasons in needs.items():
        for reason in reasons:
            speaker.line("  - {version} stays: {reason}", version=name, reason=reason)


def _register(services: Services, wanted: CleanupOptions) -> None:
    """Have the column counted with the others from now on; raises as the search for it does."""
    wish = TargetWish(wanted.column, wanted.model, None, (), None, None, None, None)
    target = find_target(services.settings, wish)
    # It stays registered, whatever becomes of the keys.
    with services.catalog.aside() as session:
        register_column(session, target, wanted.model)
        record(session, AuditEvent(REGISTER, str(target.place)))


def _exit_code(aged: list[str], free: list[str]) -> ExitCode:
    if len(free) == len(aged):
        return ExitCode.OK
    return ExitCode.PARTIAL if free else ExitCode.BUSY
