"""The Celery application: `celery --app worker.app ...`, or `python -m worker NAME` for one of the usual workers.

Importing it connects to nothing and reads nothing; the broker's address is read from the settings on first use.
"""

from celery import Celery

from worker import signals
from worker.heartbeat import WorkerHeartbeat
from worker.settings import read_settings


def _broker() -> dict[str, str]:
    return {"broker_url": read_settings().broker_url.get_secret_value()}


app = Celery("strongroom")
app.config_from_object("worker.configuration")
app.add_defaults(_broker)
app.steps["consumer"].add(WorkerHeartbeat)
signals.connect(app)
