"""The worker to compare with: Celery as the service configures it, with a task that does nothing and no ledger."""

import os

from celery import Celery
from pydantic import SecretStr

from strongroom.jobs.kinds import JobKind
from strongroom.settings import BrokerSettings
from worker.__main__ import Order, arguments
from worker.broker import broker_configuration
from worker.profiles import PROFILES
from worker.publisher import Publisher

PROFILE = "recovery"
"""The usual worker that both sides are measured with: two processes."""


def bare_app(broker_url: str) -> Celery:
    """Return the application: the service's configuration, and nothing of its own but the task."""
    app = Celery("bare")
    app.config_from_object("worker.configuration")
    app.conf.include = []
    app.conf.update(broker_configuration(BrokerSettings(url=SecretStr(broker_url))))
    app.task(name=JobKind.QUEUE_PROBE.value)(nothing)
    return app


def nothing(*, job_id: str) -> str:
    """Do nothing with a message like that of a job."""
    return job_id


def publisher(broker_url: str) -> Publisher:
    """Return what sends such messages."""
    return Publisher(bare_app(broker_url))


def main() -> None:
    """Serve until told to stop."""
    bare_app(os.environ["STRONGROOM_BROKER_URL"]).worker_main(arguments(Order(PROFILE, PROFILES[PROFILE])))


if __name__ == "__main__":
    main()
