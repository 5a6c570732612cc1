"""Tasks about restore drills."""

from celery import shared_task

from strongroom.drills.schedule import dispatch_due_drills
from strongroom.jobs.kinds import JobKind
from tasks.process import current
from tasks.running import hand_over, run


@shared_task(name=JobKind.DRILL_RUN.value)
def run_drill(*, job_id: str) -> str:
    """Hold the drill a job asks for."""
    return run(job_id)


@shared_task(name="drill.schedule")
def schedule_drills() -> int:
    """Ask for a drill of every source that is due, and return how many."""
    process = current()
    asked = len(dispatch_due_drills(process.services))
    hand_over(process)
    return asked
