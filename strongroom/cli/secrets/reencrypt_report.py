"""What is said about a re-encryption: before it begins, and when it is over."""

from dataclasses import asdict
from typing import Any

from strongroom.catalog.reencryption import ReencryptionJob, ReencryptionState
from strongroom.cli.documents import plain, row_document
from strongroom.cli.errors import JobFailedError
from strongroom.cli.secrets.speaking import Speaker
from strongroom.errors import ExitCode, StrongroomError
from strongroom.rotation.campaigns import get_reencryption
from strongroom.rotation.quarantine import list_quarantined
from strongroom.rotation.status import ReencryptionStatus, describe_reencryption
from strongroom.services import Services

MOST_NAMED = 20


def announce(services: Services, number: int, speaker: Speaker) -> None:
    """Say what is about to happen."""
    job, status = look_at(services, number)
    speaker.line("Job ID: {number}", number=number)
    speaker.line("Target: {target}", target=target_of(job))
    speaker.line("Target version: {version}", version=job.target_version)
    total, done = status.total_rows, status.processed + status.skipped
    speaker.line("Total records: {total}", total=total)
    speaker.line("Progress: {done}/{total} ({skipped} skipped)", done=done, total=total, skipped=status.skipped)


def conclude(services: Services, number: int, speaker: Speaker) -> ExitCode:
    """Say how it ended, name rows that do not open, and return the exit code; raises JobFailedError."""
    job, status = look_at(services, number)
    if job.state is not ReencryptionState.FINISHED:
        raise _failed(job)
    speaker.line()
    speaker.line("[OK] Dry run complete! Nothing was changed." if job.dry_run else "[OK] Re-encryption complete!")
    speaker.line("  To process: {rows}" if job.dry_run else "  Processed: {rows}", rows=status.processed)
    speaker.line("  Skipped (up to date): {rows}", rows=status.skipped)
    speaker.line("  Errors: {rows}", rows=status.errors)
    for version, rows in sorted((job.rows_by_version or {}).items()):
        speaker.line("  Version {version}: {rows}", version=version, rows=rows)
    _name_broken(services, job, speaker)
    speaker.document(document_of(job, status))
    return ExitCode.PARTIAL if status.errors else ExitCode.OK


def look_at(services: Services, number: int) -> tuple[ReencryptionJob, ReencryptionStatus]:
    """Return a re-encryption and how far it is."""
    with services.catalog.begin() as session:
        job = get_reencryption(session, number)
        return job, describe_reencryption(session, job)


def target_of(job: ReencryptionJob) -> str:
    """Return the column as it was named: by its class, else by its table."""
    return job.place if job.model is None else f"{job.model}.{job.target['column']}"


def document_of(job: ReencryptionJob, status: ReencryptionStatus) -> dict[str, Any]:
    """Return what `--json` prints."""
    document: dict[str, Any] = plain({**row_document(job), **asdict(status)})
    return document


def _name_broken(services: Services, job: ReencryptionJob, speaker: Speaker) -> None:
    with services.catalog.read() as session:
        mine = [row for row in list_quarantined(session, job.place, limit=1000) if row.job_id == job.id]
    for row in mine[:MOST_NAMED]:
        key = ", ".join(map(str, row.key))
        speaker.warn("row {key} was left as it is: {reason}", key=key, reason=row.reason)
    if len(mine) > MOST_NAMED:
        speaker.warn("and {rows} more, see --json and the table reencrypt_quarantine.", rows=len(mine) - MOST_NAMED)


def _failed(job: ReencryptionJob) -> JobFailedError:
    error = job.last_error or {}
    return JobFailedError(
        f"Re-encryption {job.id} is {job.state}. {error.get('message', '')}".rstrip(),
        next_step=str(error.get("next_step", f"Go on: strongroom secrets reencrypt --resume --job-id {job.id}")),
        job_code=str(error.get("code", StrongroomError.code)),
        ends_in=ExitCode(error.get("exit_code", ExitCode.FAILURE)),
    )
