"""A worker's sign of life. It comes from the loop that takes messages, so a worker that hangs gives none."""

import logging
import threading
import time
from typing import Any

from celery import bootsteps

from strongroom.errors import UnavailableError
from strongroom.jobs.processes import ProcessKind
from worker.ending import end_by_force
from worker.heart import HEARTBEAT_SECONDS, Heart, open_heart
from worker.settings import read_settings

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 2.0


class WorkerHeartbeat(bootsteps.StartStopStep):
    """Writes a heartbeat row every ten seconds while the worker takes messages, or waits for the broker to come back.

    A thread looks on. When the loop stands still the worker ends itself, for whoever started it to start it again.
    """

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._pool = parent.pool
        self._heart: Heart | None = None
        self._written = float("-inf")
        self._seen = time.monotonic()
        parent.sign_of_life = self._live

    def start(self, parent: Any) -> None:
        """Begin to beat; Celery calls it whenever the connection to the broker stands again."""
        if self._heart is None:
            self._heart = open_heart(ProcessKind.WORKER, parent.hostname, parent.app.amqp.queues.consume_from)
            threading.Thread(target=self._look_on, name="look-on", daemon=True).start()
        parent.timer.call_after(0, self._live)
        parent.timer.call_repeatedly(1.0, self._live)

    def _live(self) -> None:
        self._seen = time.monotonic()
        if self._heart is None or self._seen - self._written < HEARTBEAT_SECONDS:
            return
        self._written = self._seen
        try:
            self._heart.beat()
        except UnavailableError as error:
            log.warning("no heartbeat: %s", error.what)

    def _look_on(self) -> None:
        patience = read_settings().worker.silent_seconds
        while (silence := time.monotonic() - self._seen) < patience:
            time.sleep(SECONDS_BETWEEN_LOOKS)
        log.critical("The loop that takes messages has stood still for %d s: the worker ends itself.", silence)
        end_by_force(self._pool)
