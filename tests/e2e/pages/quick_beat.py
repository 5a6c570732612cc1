"""Beat whose ticks come soon after each other: a command that asks for a job waits for the next one."""

from datetime import timedelta

from worker.app import app

__all__ = ["app"]

QUICK = {"jobs.dispatch": 0.5, "replication.reconcile": 1.0}

for entry in app.conf.beat_schedule.values():
    if entry["task"] in QUICK:
        entry["schedule"] = timedelta(seconds=QUICK[entry["task"]])
