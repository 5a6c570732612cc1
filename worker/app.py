"""The Celery application: `celery --app worker.app ...`, or `python -m worker NAME` for one of the usual workers.

Importing it connects to nothing and reads nothing; the broker's address is read from the settings on first use.
"""

from datetime import timedelta
from typing import Any

from celery import Celery

from beat_schedule import BEAT_SCHEDULE
from strongroom.settings import SkipSettings
from worker import carrying, logs, signals
from worker.broker import PROVIDER_QUEUES, broker_configuration
from worker.hearing import Hearing
from worker.heartbeat import WorkerHeartbeat
from worker.settings import read_settings
from worker.standing_in import StandIn
from worker.stopping import GracefulStop


def _from_settings() -> dict[str, Any]:
    settings = read_settings()
    return broker_configuration(settings.broker) | {
        "worker_send_task_events": settings.worker.events,
        "beat_schedule": _ticks(settings.skip),
    }


def _ticks(skip: SkipSettings | None) -> dict[str, dict[str, Any]]:
    """Return what Beat sends: nobody would take the ticks of a key provider that there is not."""
    if skip is None:
        return {name: one for name, one in BEAT_SCHEDULE.items() if one["options"]["queue"] not in PROVIDER_QUEUES}
    often = {"keysync.heartbeat": skip.heartbeat_seconds, "keysync.refill": skip.refill_seconds}
    return {
        name: _every(often[one["task"]], one) if one["task"] in often else one for name, one in BEAT_SCHEDULE.items()
    }


def _every(seconds: int, entry: dict[str, Any]) -> dict[str, Any]:
    return entry | {"schedule": timedelta(seconds=seconds), "options": entry["options"] | {"expires": seconds}}


app = Celery("strongroom")
app.config_from_object("worker.configuration")
app.add_defaults(_from_settings)
app.steps["consumer"].update((WorkerHeartbeat, GracefulStop, StandIn, Hearing))
logs.connect()
carrying.connect()
signals.connect(app)
