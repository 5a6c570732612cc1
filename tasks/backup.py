"""Tasks about backups."""

from celery import shared_task

from strongroom.backup.reconcile import reconcile
from strongroom.backup.schedule import dispatch_due
from strongroom.jobs.kinds import JobKind
from tasks.process import current
from tasks.running import hand_over, run


@shared_task(name=JobKind.BACKUP_RUN.value)
def run_backup(*, job_id: str) -> str:
    """Make the backup a job asks for; the other regions are looked at as soon as it is over."""
    return run(job_id)


@shared_task(name="backup.reconcile")
def reconcile_backups() -> dict[str, int]:
    """Settle the backups whose job ended without saying how."""
    report = reconcile(current().services)
    return {"adopted": report.adopted, "aborted": report.aborted}


@shared_task(name="backup.schedule")
def schedule_backups() -> int:
    """Ask for a backup of every source that is due, and return how many."""
    process = current()
    asked = len(dispatch_due(process.services))
    hand_over(process)
    return asked
