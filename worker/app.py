"""The Celery application: `celery --app worker.app ...`, or `python -m worker NAME` for one of the usual workers.

Importing it connects to nothing and reads nothing; the broker's address is read from the settings on first use.
"""

from typing import Any

from celery import Celery

from worker import signals
from worker.broker import broker_configuration
from worker.hearing import Hearing
from worker.heartbeat import WorkerHeartbeat
from worker.settings import read_settings
from worker.standing_in import StandIn
from worker.stopping import GracefulStop


def _from_settings() -> dict[str, Any]:
    settings = read_settings()
    return broker_configuration(settings.broker) | {"worker_send_task_events": settings.worker.events}


app = Celery("strongroom")
app.config_from_object("worker.configuration")
app.add_defaults(_from_settings)
app.steps["consumer"].update((WorkerHeartbeat, GracefulStop, StandIn, Hearing))
signals.connect(app)
