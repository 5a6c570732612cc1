"""Tasks about backups."""

from celery import shared_task

from strongroom.backup.reconcile import reconcile
from strongroom.jobs.kinds import JobKind
from tasks.process import current
from tasks.replication import reconcile_replicas
from tasks.running import run, tick_now


@shared_task(name=JobKind.BACKUP_RUN.value)
def run_backup(*, job_id: str) -> str:
    """Make the backup a job asks for, then have the other regions looked at."""
    outcome = run(JobKind.BACKUP_RUN, job_id)
    tick_now(reconcile_replicas)
    return outcome


@shared_task(name="backup.reconcile")
def reconcile_backups() -> dict[str, int]:
    """Settle the backups whose job ended without saying how."""
    report = reconcile(current().services)
    return {"adopted": report.adopted, "aborted": report.aborted}
