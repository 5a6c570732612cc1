"""The worker to compare with: Celery as the service configures it, with a task that does nothing and no ledger."""

import os

from celery import Celery

from strongroom.jobs.kinds import JobKind
from worker.__main__ import arguments
from worker.publisher import Publisher

PROFILE = "recovery"
"""The usual worker that both sides are measured with: two processes."""

app = Celery("bare")
app.config_from_object("worker.configuration")
app.conf.include = []
app.conf.broker_url = os.environ.get("STRONGROOM_BROKER_URL")


@app.task(name=JobKind.QUEUE_PROBE.value)
def nothing(*, job_id: str) -> str:
    """Do nothing with a message like that of a job."""
    return job_id


def publisher(broker_url: str) -> Publisher:
    """Return what sends such messages."""
    app.conf.broker_url = broker_url
    return Publisher(app)


def main() -> None:
    """Serve until told to stop."""
    app.worker_main(arguments(PROFILE))


if __name__ == "__main__":
    main()
