"""The steps of a restore from an export: check everything, ask, then write."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TextIO

import click

from strongroom.audit.acting import name_act
from strongroom.audit.events import AuditAction, AuditEvent
from strongroom.audit.recording import record_alone
from strongroom.backup.planning import RestorePlan, plan_restore
from strongroom.backup.restore_requests import RestoreRequest, request_restore
from strongroom.backup.targets import FilesTargetRequest, TargetRequest, place_of, verify_overwrite
from strongroom.catalog.backups import Backup
from strongroom.catalog.errors import CatalogUnavailableError, SchemaOutdatedError
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.errors import ExportObstacleError, RestoreNotConfirmedError
from strongroom.cli.figures import moment, size
from strongroom.cli.invocation import Invocation
from strongroom.cli.operator_options import OperatorOptions
from strongroom.cli.restore_report import describe_target, report_restore
from strongroom.cli.stepping_up import stepped_up
from strongroom.cli.targets import read_target
from strongroom.cli.waiting import Waiting
from strongroom.errors import ExitCode
from strongroom.exports.archived import ArchivedStore, open_archive
from strongroom.exports.checking import Export, open_export, verify_part
from strongroom.exports.errors import ExportNotFoundError, ManifestError
from strongroom.exports.manifest import DatabasePart, StoragePart
from strongroom.services import Services
from strongroom.sources.postgres.holding import held_databases
from strongroom.stepup.acts import Act
from strongroom.upkeep.rebuilding import rebuild


@dataclass(frozen=True, slots=True)
class ExportTargets:
    """Which parts are restored, and where to; by default all, to where they came from."""

    database_only: bool = False
    storage_only: bool = False
    database_target: str | None = None
    storage_target: Path | None = None


@dataclass(frozen=True, slots=True)
class Consent:
    """The targets that were named beforehand, and whom to ask about the others; None for nobody."""

    named: tuple[str, ...]
    asked: TextIO | None


@dataclass(frozen=True, slots=True)
class _Step:
    """A part that was opened: its backup, known to a catalog of its own, and what its restore would do."""

    services: Services
    request: RestoreRequest
    plan: RestorePlan

    @property
    def filled(self) -> bool:
        return self.plan.found.state == "filled"


def restore_export(
    invocation: Invocation,
    directory: Path,
    targets: ExportTargets,
    consent: Consent,
    persons: OperatorOptions,
    recovery_key_file: Path | None,
) -> ExitCode:
    """Restore an export; nothing is written before every part was opened and every target looked at.

    Raises what checking, opening and planning raise, ExportObstacleError and RestoreNotConfirmedError.
    """
    export = open_export(directory)
    parts = _parts(export, targets)
    for part in parts:
        verify_part(export, part)
    with ExitStack() as stack:
        steps = [
            _step(stack.enter_context(_opened(invocation, export, part, recovery_key_file)), part, targets)
            for part in parts
        ]
        steps = [_confirm(step, export, consent) for step in steps]
        for step in steps:
            _verify_possible(step)
        for step in steps:
            _answer_for(invocation, step, persons)
        return max(_run(step, invocation) for step in steps)


def _parts(export: Export, targets: ExportTargets) -> list[StoragePart]:
    if targets.database_only and targets.storage_only:
        raise click.UsageError("--database-only and --storage-only exclude each other.")
    wanted = {
        "database": None if targets.storage_only else export.manifest.database,
        "storage": None if targets.database_only else export.manifest.storage,
    }
    parts = [part for part in wanted.values() if part is not None]
    if not parts:
        missing = "database" if targets.database_only else "storage"
        raise ExportNotFoundError(
            f"{export.directory} holds no {missing}.", next_step="See what it holds: `strongroom export check`."
        )
    return parts


@contextmanager
def _opened(
    invocation: Invocation, export: Export, part: StoragePart, recovery_key_file: Path | None
) -> Iterator[Services]:
    """Read an archive as the only region of an installation that knows nothing else."""
    name_act(AuditAction.SENSITIVE_READ)
    with (
        tempfile.TemporaryDirectory(prefix="strongroom-export-") as scratch,
        open_archive(export.file_of(part), "export") as archived,
        invocation.detached_services(partial(_as_region, archived), Path(scratch), recovery_key_file) as services,
    ):
        services.settings.scratch_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        rebuild(services, on_adopted=lambda *_: None, on_progress=lambda *_: None)
        yield services


def _as_region(archived: ArchivedStore, region: str) -> ArchivedStore:
    return archived.read_as(region)


def _step(services: Services, part: StoragePart, targets: ExportTargets) -> _Step:
    with services.catalog.read() as session:
        backup = session.get(Backup, part.backup)
    if backup is None or backup.source != part.source:
        raise ManifestError(
            f"The archive {part.backup_file} does not hold the backup of {part.source} that the manifest names.",
            next_step="The files belong to different exports, or were changed. Take another export.",
        )
    request = RestoreRequest(
        backup=str(backup.id),
        region=None,
        target=_target(services, backup, part, targets),
        overwrite=False,
        confirm=None,
        idempotency_key=None,
        trace_id=trace_id_of(services),
    )
    return _Step(services, request, plan_restore(services, request))


def _target(services: Services, backup: Backup, part: StoragePart, targets: ExportTargets) -> TargetRequest:
    if isinstance(part, DatabasePart):
        if part.name not in {held.name for held in held_databases(backup.facts or {})}:
            raise ManifestError(
                f"The archive {part.backup_file} holds no database {part.name!r}.", next_step="Take another export."
            )
        return read_target(backup, targets.database_target or f"{backup.source}/{part.name}")
    if targets.storage_target is not None:
        return FilesTargetRequest(targets.storage_target.absolute())
    source = services.settings.get_source(backup.source)
    return FilesTargetRequest(Path(str(getattr(source, "path", f"{backup.source}-restored"))).absolute())


def _confirm(step: _Step, export: Export, consent: Consent) -> _Step:
    """Return the step as it may be done: overwriting only where the target's name was typed."""
    name = step.request.target.name
    if step.filled:
        typed = name if name in consent.named else _typed(step, export, consent.asked)
        verify_overwrite(step.request.target, overwrite=True, confirm=typed)
        request = replace(step.request, overwrite=True, confirm=typed)
        return replace(step, request=request, plan=plan_restore(step.services, request))
    if consent.asked is not None and name not in consent.named:
        _verify_asked(consent.asked)
        click.confirm(_question(step, export), abort=True, err=True)
    return step


def _typed(step: _Step, export: Export, asked: TextIO | None) -> str | None:
    if asked is None:
        return None
    _verify_asked(asked)
    question = f"{_question(step, export)} What it holds now is REPLACED. Type {step.request.target.name!r} to go on"
    typed: str = click.prompt(question, default="", show_default=False, err=True)
    return typed


def _question(step: _Step, export: Export) -> str:
    when, much = moment(export.manifest.timestamp), size(step.plan.bytes)
    return f"Restore {step.plan.source} of {when} ({much}) into {describe_target(step.plan.target)}?"


def _verify_asked(asked: TextIO) -> None:
    if not asked.isatty():
        raise RestoreNotConfirmedError(
            "A restore asks before it writes, and there is no terminal to ask on.",
            next_step="Say --no-confirm, and --confirm NAME for each target that may be overwritten.",
        )


def _verify_possible(step: _Step) -> None:
    if step.plan.found.obstacles:
        raise ExportObstacleError(
            f"{step.plan.source} cannot be restored: {' '.join(step.plan.found.obstacles)}",
            next_step="Nothing was changed. Mend this, or name another target.",
        )


def _answer_for(invocation: Invocation, step: _Step, persons: OperatorOptions) -> None:
    """Ask for a fresh code before something is overwritten, and write down what is about to happen, as always.

    After a disaster there is no catalog that knows operators and keeps a log; the keys, and the names that were typed,
    are what is left.
    """
    place = place_of(step.request.target)
    act = Act("restore.overwrite", place, str(step.plan.backup_id))
    told = AuditEvent("cli: export restore", place, reason=f"begins, from an export of {step.plan.source}")
    with invocation.services() as services:
        try:
            with stepped_up(invocation, services, act, persons) if step.request.overwrite else nullcontext():
                record_alone(services.catalog, told)
        except (CatalogUnavailableError, SchemaOutdatedError) as error:
            invocation.screen.warn(f"The catalog is not asked, and not told, of this restore: {error.what}")


def _run(step: _Step, invocation: Invocation) -> ExitCode:
    restore = request_restore(step.services, step.request)
    await_job(step.services, step.services.ledger.get(restore.id), Waiting.HERE, invocation.screen)
    return report_restore(step.services, restore.id, invocation.screen)
