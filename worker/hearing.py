"""Messages that no longer arrive, although the loop that takes them lives: Celery's known fault after a reconnect.

A free worker looks whether messages of its queues are taken by anybody. When one is not for as long as its patience
lasts, it opens its connection anew. That costs nothing while no job runs, so a message that the broker lost, which
looks the same, may cause it too: once for each message, because one that is sent again counts as another.
"""

import logging
import time
from collections.abc import Hashable, Set
from typing import Any

from celery import bootsteps
from celery.worker import state

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.errors import UnavailableError
from strongroom.jobs.untaken import UntakenMessage, list_untaken
from worker.broker import CONTROL_QUEUE
from worker.settings import read_settings
from worker.stopping import stopping

log = logging.getLogger(__name__)

SECONDS_BETWEEN_LOOKS = 10.0
PATIENCE_SECONDS = 30.0
"""For the message of a job; it is sent again after a minute, when the broker lost it."""
TICK_PATIENCE_SECONDS = 120.0
"""For a tick, of which there are forty in this time: some for each of several workers."""


class Suspicion:
    """What has been the case at every look for as long as the patience lasts; each thing counts once."""

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._since: dict[Hashable, float] = {}
        self._acted_on: Set[Hashable] = frozenset()

    def confirms(self, seen: Set[Hashable], now: float) -> bool:
        """Say whether something has been seen for long enough, for the first time."""
        self._since = {thing: self._since.get(thing, now) for thing in seen}
        lasting = {thing for thing, since in self._since.items() if now - since >= self._patience}
        fresh = lasting - self._acted_on
        self._acted_on = (self._acted_on | lasting) & seen
        return bool(fresh)

    def drop(self) -> None:
        """Begin to count anew, because there is another explanation."""
        self._since.clear()


class Hearing(bootsteps.StartStopStep):
    """Opens the connection anew of a worker that is free and hears nothing."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._catalog = Catalog(open_engine(read_settings().catalog_url.get_secret_value()))
        self._queues = frozenset(parent.app.amqp.queues.consume_from)
        self._jobs = Suspicion(PATIENCE_SECONDS)
        self._ticks = Suspicion(TICK_PATIENCE_SECONDS)

    def start(self, parent: Any) -> None:
        """Begin to look; Celery calls it whenever the connection to the broker stands again."""
        self._jobs.drop()
        self._ticks.drop()
        parent.timer.call_repeatedly(SECONDS_BETWEEN_LOOKS, self.look)

    def look(self) -> None:
        """Go on if there is nothing to worry about; raises ConnectionResetError, by which Celery connects anew."""
        if stopping.is_set() or state.requests:
            self._jobs.drop()
            return
        now, ticks = time.monotonic(), {("ticks", *state.all_total_count)}
        deaf_to_jobs = self._jobs.confirms(self._untaken(), now)
        # Somebody always sends ticks: Beat, or a worker of this queue that stands in for it.
        deaf_to_ticks = CONTROL_QUEUE in self._queues and self._ticks.confirms(ticks, now)
        if deaf_to_jobs or deaf_to_ticks:
            log.warning("no %s arrives although they are sent: connecting anew", "job" if deaf_to_jobs else "tick")
            raise ConnectionResetError("Messages no longer arrive.")

    def _untaken(self) -> frozenset[UntakenMessage]:
        try:
            with self._catalog.read() as session:
                return list_untaken(session, self._queues)
        except UnavailableError:
            return frozenset()
        finally:
            # The main process forks, and no child may inherit a connection.
            self._catalog.close()
