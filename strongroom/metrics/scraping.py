"""One scrape: what the catalog says if it says so in time, and in any case what is known without it."""

import logging
import threading
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as NotInTime
from dataclasses import dataclass

from prometheus_client.core import Metric

from strongroom import __version__
from strongroom.clock import Clock
from strongroom.errors import StrongroomError
from strongroom.metrics import definitions as metric

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 5.0
"""Half of what Prometheus waits by default; the rest is for the way."""

Read = Callable[[], list[Metric]]


@dataclass(frozen=True, slots=True)
class Reading:
    """What one look at the catalog gave, and how many seconds it took."""

    families: list[Metric]
    seconds: float


class Scraper:
    """Reads the catalog for whoever scrapes; those who come while it is being read share what is found.

    A catalog that hangs keeps one thread, whoever scrapes meanwhile. `failed` is called for each scrape without it.
    """

    def __init__(
        self, read: Read, clock: Clock, patience: float = PATIENCE_SECONDS, failed: Callable[[], None] = lambda: None
    ) -> None:
        self._read = read
        self._clock = clock
        self._patience = patience
        self._lock = threading.Lock()
        self._running: Future[Reading] | None = None
        self._failed = failed

    def scrape(self) -> list[Metric]:
        """Return all families; never raises, and returns soon."""
        try:
            reading = self._begin().result(timeout=self._patience)
        except NotInTime:
            return self._without("it did not answer in time")
        except StrongroomError as error:
            return self._without(error.what)
        return [*self._own(up=True, seconds=reading.seconds), *reading.families]

    def _begin(self) -> Future[Reading]:
        with self._lock:
            if self._running is None:
                self._running = Future()
                # A daemon, so that a database that hangs does not keep the process from ending.
                threading.Thread(target=self._look, args=(self._running,), name="metrics", daemon=True).start()
            return self._running

    def _look(self, found: Future[Reading]) -> None:
        began = self._clock.monotonic()
        try:
            families = self._read()
        except BaseException as error:  # noqa: BLE001 -- it is raised for whoever waits
            self._end()
            found.set_exception(error)
        else:
            self._end()
            found.set_result(Reading(families, self._clock.monotonic() - began))

    def _end(self) -> None:
        with self._lock:
            self._running = None

    def _without(self, why: str) -> list[Metric]:
        self._failed()
        log.warning("metrics without the catalog: %s", why)
        return self._own(up=False, seconds=None)

    def _own(self, *, up: bool, seconds: float | None) -> list[Metric]:
        return [
            metric.UP.one(float(up)),
            metric.SCRAPE_SECONDS.one(seconds),
            metric.BUILD.family({(__version__,): 1.0}),
        ]
