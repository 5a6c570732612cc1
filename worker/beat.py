"""The scheduler: Celery's own, in memory, with a sign of life in the catalog."""

import logging
import os
import socket
import time
from typing import Any

from celery.beat import Scheduler

from strongroom.errors import UnavailableError
from strongroom.jobs.processes import ProcessKind
from worker.heart import HEARTBEAT_SECONDS, open_heart

log = logging.getLogger(__name__)


class TickScheduler(Scheduler):
    """Sends the ticks of the schedule and writes a heartbeat row after a tick that got through."""

    # A connection of Beat's own would never be opened again after RabbitMQ closed it; those of the pool are.
    producer = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        # With its number, so that two on one host do not pass for one.
        self._heart = open_heart(ProcessKind.SCHEDULER, f"beat@{socket.gethostname()}:{os.getpid()}")
        self._next_beat = 0.0
        super().__init__(*arguments, **options)

    def tick(self, *arguments: Any, **options: Any) -> float:
        """Send what is due and return the seconds until the next tick."""
        seconds: float = super().tick(*arguments, **options)
        self._beat()
        return seconds

    def _beat(self) -> None:
        if time.monotonic() < self._next_beat:
            return
        self._next_beat = time.monotonic() + HEARTBEAT_SECONDS
        try:
            self._heart.beat()
        except UnavailableError as error:
            log.warning("no heartbeat: %s", error.what)
