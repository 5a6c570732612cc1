"""`strongroom secrets list-jobs`: re-encryptions and how far they are."""

import click

from strongroom.catalog.reencryption import ReencryptionState
from strongroom.cli.command import ValueOf
from strongroom.cli.figures import duration, moment
from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.command import SecretsCommand
from strongroom.cli.secrets.reencrypt_report import document_of, target_of
from strongroom.cli.secrets.speaking import Speaker
from strongroom.rotation.campaigns import list_reencryptions
from strongroom.rotation.status import ReencryptionStatus, describe_reencryption

LINE = "{number:<6} {status:<10} {version:<10} {progress:<22} {speed:<18} {created:<18} {target}"


@click.command(
    "list-jobs",
    cls=SecretsCommand,
    examples=("strongroom secrets list-jobs", "strongroom secrets list-jobs --status running"),
)
@click.option("--status", type=ValueOf(ReencryptionState), help="Only those in this state.")
@click.option("--limit", type=click.IntRange(1, 500), default=20, show_default=True, help="Rows to show.")
@click.pass_obj
def list_jobs(invocation: Invocation, status: ReencryptionState | None, limit: int) -> None:
    """List re-encryptions, newest first, with their progress."""
    speaker = Speaker.of(invocation)
    with invocation.services() as services, services.catalog.begin() as session:
        jobs = list_reencryptions(session, state=status, limit=limit)
        found = [(job, describe_reencryption(session, job)) for job in jobs]
    speaker.line("Re-encryption jobs ({count}):", count=len(found))
    for job, progress in found:
        speaker.line(
            LINE,
            number=job.id,
            status=speaker.text(job.state.value),
            version=job.target_version,
            progress=_progress(progress),
            speed=_speed(progress),
            created=moment(job.created_at),
            target=target_of(job) + (" (dry run)" if job.dry_run else ""),
        )
    speaker.document({"items": [document_of(job, progress) for job, progress in found]})


def _progress(status: ReencryptionStatus) -> str:
    done = status.processed + status.skipped + status.errors
    return f"{done}/{status.total_rows}" + (f" ({status.errors} !)" if status.errors else "")


def _speed(status: ReencryptionStatus) -> str:
    if status.rows_per_second is None or status.seconds_left is None:
        return "-"
    return f"{status.rows_per_second:.0f}/s, {duration(round(status.seconds_left))}"
