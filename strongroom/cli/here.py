"""Running jobs in this process, without a broker or workers."""

import os
import socket
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.cli.errors import WaitInterruptedError
from strongroom.cli.figures import duration
from strongroom.cli.following import SECONDS_BETWEEN_LOOKS, follow_job
from strongroom.cli.progress import progress_view
from strongroom.cli.screen import Screen
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.runner import run_job
from strongroom.replication.reconcile import reconcile
from strongroom.runtime import HANDLERS
from strongroom.services import Services


def run_here(services: Services, job_id: uuid.UUID, screen: Screen) -> Job:
    """Run a job to its end in this process, trying again as a worker would, and return it.

    A job that a worker has taken already is followed instead. Raises WaitInterruptedError on Ctrl-C: the job is back in
    the queue.
    """
    try:
        while True:
            job = run_once(services, job_id, screen)
            if job.state in FINAL_STATES:
                return job
            if job.state is JobState.RUNNING:
                return follow_job(services, job_id, screen)
            _wait_for_next_attempt(services, job, screen)
    except KeyboardInterrupt:
        raise WaitInterruptedError(
            f"Job {job_id} was interrupted and is back in the queue.",
            next_step=f"A worker takes it up again. To go on in this terminal: strongroom jobs run {job_id}",
        ) from None


def run_once(services: Services, job_id: uuid.UUID, screen: Screen) -> Job:
    """Run one attempt of a job if it is due, and return the job as it is afterwards."""
    handler = HANDLERS[JobKind(services.ledger.get(job_id).kind)]
    owner = f"cli@{socket.gethostname()}:{os.getpid()}"
    with _shown(services, job_id, screen):
        run_job(services.ledger, job_id, partial(handler, services), owner=owner)
    return services.ledger.get(job_id)


def copy_here(services: Services, backup_id: uuid.UUID, screen: Screen) -> None:
    """Make the copies of a backup that its policy asks for, in every region that answers.

    A copy that fails stays in the ledger for a worker.
    """
    for job in reconcile(services):
        if job.args.get("backup") == str(backup_id):
            run_once(services, job.id, screen)


def _wait_for_next_attempt(services: Services, job: Job, screen: Screen) -> None:
    seconds = max(SECONDS_BETWEEN_LOOKS, (job.run_after - services.clock.now()).total_seconds())
    if job.last_error:
        screen.warn(f"{job.last_error.get('message')} Trying again in {duration(seconds)}.")
    services.clock.sleep(seconds)


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
