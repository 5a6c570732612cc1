"""What happens between a request and its report: leave the job, follow it, or run it here."""

from strongroom.catalog.jobs import Job
from strongroom.cli.following import follow_job, verify_succeeded
from strongroom.cli.here import run_here
from strongroom.cli.screen import Screen
from strongroom.cli.waiting import Waiting
from strongroom.services import Services
from strongroom.tracing import get_trace_id


def trace_id_of(services: Services) -> str:
    """Return the trace id of the command, or make one for a request that begins here: 32 hex digits."""
    return get_trace_id() or services.random(16).hex()


def await_job(services: Services, job: Job, waiting: Waiting, screen: Screen) -> bool:
    """Bring the job to its end unless it is to be left; says whether there is a result now.

    Raises JobFailedError when the job did not succeed.
    """
    if waiting is Waiting.LEAVE:
        _say_queued(job, screen)
        return False
    run = run_here if waiting is Waiting.HERE else follow_job
    verify_succeeded(run(services, job.id, screen))
    return True


def _say_queued(job: Job, screen: Screen) -> None:
    if screen.json:
        screen.event("queued", job=str(job.id), kind=job.kind)
        return
    screen.line(str(job.id))
    screen.say(f"Follow it: strongroom jobs watch {job.id}")
