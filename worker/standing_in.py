"""What keeps jobs flowing when Beat died: a worker that serves the ticks sends them as well, until a Beat is back."""

import logging
import time
from typing import Any

from celery import bootsteps

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.errors import UnavailableError
from strongroom.jobs.processes import ProcessKind, count_alive
from worker.broker import CONTROL_QUEUE
from worker.publisher import sending
from worker.settings import read_settings

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 5.0
PATIENCE_SECONDS = 30.0
"""Three heartbeats; as long after the start of the worker nothing is said either."""


class StandIn(bootsteps.StartStopStep):
    """Looks whether a Beat lives. Several stand-ins, or one beside a Beat, do no harm: a double tick does nothing."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._app = parent.app
        self._catalog = Catalog(open_engine(read_settings().catalog_url.get_secret_value()))
        self._judging_from = time.monotonic() + PATIENCE_SECONDS
        self._sent: dict[str, float] = {}
        self._missing = False

    def include_if(self, parent: Any) -> bool:
        """Say whether this worker serves the ticks."""
        return CONTROL_QUEUE in parent.app.amqp.queues.consume_from

    def start(self, parent: Any) -> None:
        """Begin to look; Celery calls it whenever the connection to the broker stands again."""
        parent.timer.call_repeatedly(SECONDS_BETWEEN_LOOKS, self.look)

    def look(self) -> None:
        """Send the ticks that are due, if nobody else does; with the catalog or the broker away, look again later."""
        if time.monotonic() < self._judging_from:
            return
        try:
            missing = not self._beats()
            if missing != self._missing:
                log.warning("no Beat gives a sign of life: this worker sends the ticks" if missing else "Beat is back")
            self._missing = missing
            if missing:
                self._send_due()
        except UnavailableError as error:
            log.warning("not standing in for Beat: %s", error.what)

    def _beats(self) -> int:
        try:
            with self._catalog.read() as session:
                return count_alive(session, ProcessKind.SCHEDULER, within_seconds=PATIENCE_SECONDS)
        finally:
            # The main process forks, and no child may inherit a connection.
            self._catalog.close()

    def _send_due(self) -> None:
        now = time.monotonic()
        for name, entry in self._app.conf.beat_schedule.items():
            if now - self._sent.get(name, float("-inf")) >= entry["schedule"].total_seconds():
                with sending(f"the tick {entry['task']}"):
                    self._app.send_task(entry["task"], retry=False, **entry["options"])
                self._sent[name] = now
