"""`strongroom recovery-kit`: a key on paper that opens every backup when all others are lost."""

import os
from pathlib import Path

import click

from strongroom.audit.acting import describe, name_act
from strongroom.audit.events import AuditAction
from strongroom.catalog.jobs import Job
from strongroom.cli.command import Command
from strongroom.cli.dispatch import await_job, trace_id_of
from strongroom.cli.errors import KitExistsError
from strongroom.cli.figures import count, moment
from strongroom.cli.file_changes import changing_files
from strongroom.cli.invocation import Invocation
from strongroom.cli.kit_text import kit_text
from strongroom.cli.waiting import Waiting, waiting_options
from strongroom.errors import ExitCode
from strongroom.keyring.recovery import RecoveryKekProvider
from strongroom.keyring.recovery_text import key_text
from strongroom.keyring.secret import SecretKey
from strongroom.services import Services
from strongroom.upkeep.extending import (
    ExtensionRequest,
    add_recovery_key,
    request_extension,
    verify_no_recovery_key,
)


@click.command(
    "recovery-kit",
    cls=Command,
    examples=(
        "strongroom recovery-kit /media/usb/recovery-kit.txt",
        "strongroom recovery-kit kit.txt --replace",
        "strongroom recovery-kit --keep-key",
    ),
)
@click.argument("file", required=False, type=click.Path(dir_okay=False, path_type=Path))
@click.option("--replace", is_flag=True, help="Make a new key, and remove the slots of the earlier one.")
@click.option("--keep-key", is_flag=True, help="Make no key; only give backups that lack one a slot for the key made.")
@waiting_options
@click.pass_obj
def recovery_kit(
    invocation: Invocation, file: Path | None, waiting: Waiting, *, replace: bool, keep_key: bool
) -> ExitCode:
    """Make a recovery key and write it into FILE.

    The page opens every backup in any region when key file, KMS and catalog are lost; print it and delete FILE. The
    private key is nowhere else. All backups get a slot for it, also those made later. Ends with 3 when a region did not
    answer.
    """
    if keep_key == (file is not None) or (keep_key and replace):
        raise click.UsageError("Name a file for a new key, or say --keep-key.")
    screen = invocation.screen
    with invocation.services() as services:
        missed: list[str] = []
        only = None
        if file is not None:
            if not replace:
                verify_no_recovery_key(services)
            key_id, missed = _make_key(services, file)
            screen.warn(f"{file} holds the recovery key {key_id}. Print it, keep it safe, and delete the file.")
            only = key_id if replace else None
        job = request_extension(services, ExtensionRequest(only, trace_id_of(services)))
        if not await_job(services, job, waiting, screen):
            return ExitCode.OK
        return _report(services.ledger.get(job.id), invocation, missed)


def _make_key(services: Services, file: Path) -> tuple[str, list[str]]:
    """Write the kit, then name its key in the regions: a kit whose key is named nowhere opens nothing."""
    private = SecretKey(services.random(32))
    provider = RecoveryKekProvider.of(private, services.random)
    repository = services.open_repository()
    page = kit_text(
        key=key_text(private),
        key_id=provider.current_version(),
        repository=repository.repo_id,
        verify_key=repository.verify_key(),
        made=moment(services.clock.now()),
        regions=services.settings.regions,
    )
    describe(reason=f"recovery key {provider.current_version()}")
    name_act(AuditAction.SENSITIVE_READ)
    with changing_files(services, file, last=False):
        _write(file, page)
        return provider.current_version(), add_recovery_key(services, RecoveryKekProvider(provider.public))


def _write(file: Path, page: str) -> None:
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except FileExistsError:
        raise KitExistsError(
            f"{file} exists already; it was left as it is.", next_step="Name a file that does not exist."
        ) from None
    except OSError as error:
        raise click.FileError(str(file), error.strerror) from None
    with os.fdopen(descriptor, "w", encoding="utf-8") as opened:
        opened.write(page)
        opened.flush()
        os.fsync(opened.fileno())


def _report(job: Job, invocation: Invocation, missed: list[str]) -> ExitCode:
    result, screen = job.result or {}, invocation.screen
    missed = sorted({*missed, *result["regions_missed"]})
    if screen.json:
        screen.event("summary", **result | {"regions_missed": missed})
    else:
        screen.line(
            f"Recovery key {', '.join(result['keys'])}: {count(result['backups'], 'backup')}, "
            f"{count(result['written'], 'key slot')} written, {result['removed']} removed."
        )
    for region in missed:
        screen.warn(f"region {region} did not answer; run the command with --keep-key when it is back.")
    return ExitCode.PARTIAL if missed else ExitCode.OK
