"""Running jobs in this process, without a broker or workers."""

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from strongroom.backup import reconcile as backup
from strongroom.catalog.backup_queries import list_replicas
from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.catalog.jobs import FINAL_STATES, Job, JobState, PausedQueue
from strongroom.cli.errors import WaitInterruptedError
from strongroom.cli.figures import moment
from strongroom.cli.following import SECONDS_BETWEEN_LOOKS
from strongroom.cli.progress import progress_view
from strongroom.cli.screen import Screen
from strongroom.errors import StrongroomError
from strongroom.jobs.errors import JobPausedError
from strongroom.jobs.runner import run_job
from strongroom.jobs.sweeper import sweep
from strongroom.replication import reconcile as replication
from strongroom.runtime import HANDLERS
from strongroom.services import Services


def run_here(services: Services, job_id: uuid.UUID, screen: Screen) -> Job:
    """Run a job to its end in this process, trying again as a worker would, and return it.

    A job that somebody else holds is awaited, and taken over when its holder falls silent. Raises WaitInterruptedError
    on Ctrl-C: the job is back in the queue. Raises JobPausedError when somebody has paused it.
    """
    try:
        with _shown(services, job_id, screen):
            job, said = _attempt(services, job_id), None
            while job.state not in FINAL_STATES:
                said = _wait_for_next_attempt(services, job, screen, said)
                job = _attempt(services, job_id)
    except KeyboardInterrupt:
        raise WaitInterruptedError(
            f"Job {job_id} was interrupted and is back in the queue.",
            next_step=f"A worker takes it up again. To go on in this terminal: strongroom jobs run {job_id}",
        ) from None
    if job.state is not JobState.SUCCEEDED:
        _settle(services, screen)
    return job


def copy_here(services: Services, backup_id: uuid.UUID, screen: Screen) -> None:
    """Make the copies of a backup that its policy asks for, in every region that answers.

    One that a worker makes at the same time is awaited. A copy that fails stays in the ledger for a worker, and so does
    one whose queue is paused, which is said.
    """
    replication.reconcile(services)
    with services.catalog.read() as session:
        copies = [replica.job_id for replica in list_replicas(session, backup_id) if replica.job_id is not None]
    waiting: dict[str, str] = {}
    for job_id in copies:
        if services.ledger.get(job_id).state not in FINAL_STATES:
            with _shown(services, job_id, screen):
                pause = _attempt_until_settled(services, job_id)
            if pause is not None:
                waiting[pause.queue] = f"Queue {pause.queue} is paused by {pause.paused_by}: {pause.reason}"
    for queue, why in waiting.items():
        screen.warn(f"{why}. Copies wait until it goes on: strongroom queues resume {queue}")


def _attempt_until_settled(services: Services, job_id: uuid.UUID) -> PausedQueue | None:
    """Run a job once, and again for as long as it waits for something elsewhere, or is held by somebody else.

    Returns the pause of its queue where that is what it waits for: nobody takes it then, nor is it known until when.
    """
    job = _attempt(services, job_id)
    while job.state is JobState.RUNNING or (job.state is JobState.QUEUED and job.last_error is None):
        if job.state is JobState.QUEUED and (pause := _find_pause(services, job)) is not None:
            return pause
        services.clock.sleep(SECONDS_BETWEEN_LOOKS)
        # There may be no service that takes a job away from a holder that was killed.
        sweep(services.ledger)
        job = _attempt(services, job_id)
    return None


def _find_pause(services: Services, job: Job) -> PausedQueue | None:
    with services.catalog.read() as session:
        return session.get(PausedQueue, job.queue)


def _attempt(services: Services, job_id: uuid.UUID) -> Job:
    """Run the job once if it is due, and return it as it is afterwards."""
    handler = HANDLERS[services.ledger.get(job_id).kind]
    owner = f"cli@{socket.gethostname()}:{os.getpid()}"
    run_job(services.ledger, job_id, partial(handler, services), owner=owner)
    return services.ledger.get(job_id)


def _wait_for_next_attempt(services: Services, job: Job, screen: Screen, said: str | None) -> str | None:
    """Say why the job does not run now, unless that was `said` already, and return it."""
    if job.state is JobState.PAUSED:
        raise JobPausedError(f"Job {job.id} is paused.", next_step=f"Go on with it: strongroom jobs resume {job.id}")
    reason = _reason_to_wait(services, job)
    if reason is not None and reason != said:
        screen.warn(reason)
    services.clock.sleep(SECONDS_BETWEEN_LOOKS)
    # There may be no service that takes a job away from a holder that was killed.
    sweep(services.ledger)
    return reason


def _reason_to_wait(services: Services, job: Job) -> str | None:
    obstacle = services.ledger.find_obstacle(job)
    if obstacle is not None:
        return f"{obstacle[0].upper()}{obstacle[1:]}. Waiting for it."
    if job.state is JobState.QUEUED and job.last_error:
        return f"{job.last_error.get('message')} Trying again at {moment(job.run_after)}."
    return None


def _settle(services: Services, screen: Screen) -> None:
    """Close the books of a backup whose job has failed; what cannot be settled now is settled by the service."""
    # Where a job has failed, and only there.
    from strongroom.cloud import expiring as snapshots

    try:
        backup.reconcile(services)
        snapshots.reconcile(services)
    except StrongroomError as error:
        screen.detail(f"The failed backup is not cleaned up yet: {error.what}")


@contextmanager
def _shown(services: Services, job_id: uuid.UUID, screen: Screen) -> Iterator[None]:
    """Show the job's progress from a second thread while the block runs it."""
    done = threading.Event()
    watcher = threading.Thread(target=_show_until, args=(services, job_id, screen, done), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        done.set()
        watcher.join()


def _show_until(services: Services, job_id: uuid.UUID, screen: Screen, done: threading.Event) -> None:
    with progress_view(screen, services.clock) as view:
        while not done.wait(SECONDS_BETWEEN_LOOKS):
            try:
                view.show(services.ledger.get(job_id))
            except CatalogUnavailableError:
                # The job itself decides what a catalog that is away means; the view only misses a moment.
                continue
