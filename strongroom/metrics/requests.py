"""Counters of answered requests, kept by the processes that answer: there is no other truth about them."""

import threading

from prometheus_client import CollectorRegistry, Counter, Histogram
from prometheus_client.multiprocess import MultiProcessCollector

from strongroom.metrics.definitions import HTTP_REQUESTS, HTTP_SECONDS, SCRAPE_ERRORS

BOUNDS = (0.025, 0.1, 0.5, 2.5)
"""Seconds. Few, as each is a series of every route, method and code."""

MOST_SERIES = 120
"""Routes, methods and codes that are counted apart; what comes later counts as OTHER."""

OTHER = "other"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class RequestCounts:
    """Counts answered requests of this process, or of all that share PROMETHEUS_MULTIPROC_DIR."""

    def __init__(self) -> None:
        # Of its own, so that two applications in one process count apart.
        self.registry = CollectorRegistry()
        labels = HTTP_REQUESTS.labels
        self._count = Counter(HTTP_REQUESTS.name, HTTP_REQUESTS.help, labels, registry=self.registry)
        self._seconds = Histogram(
            HTTP_SECONDS.name, HTTP_SECONDS.help, labels, buckets=BOUNDS, registry=self.registry
        )  # fmt: skip
        self._scrape_errors = Counter(SCRAPE_ERRORS.name, SCRAPE_ERRORS.help, registry=self.registry)
        self._lock = threading.Lock()
        self._known: set[tuple[str, str, str]] = set()

    def note(self, route: str, method: str, code: int, seconds: float) -> None:
        """Count one request; `route` is the template, never the path that was asked for."""
        labels = self._labels(route, method if method in METHODS else OTHER, str(code))
        self._count.labels(*labels).inc()
        self._seconds.labels(*labels).observe(seconds)

    def note_failed_scrape(self) -> None:
        """Count a scrape that the catalog did not answer."""
        self._scrape_errors.inc()

    def _labels(self, *wanted: str) -> tuple[str, str, str]:
        route, method, code = wanted
        if (route, method, code) in self._known:
            return route, method, code
        with self._lock:
            if len(self._known) < MOST_SERIES:
                self._known.add((route, method, code))
                return route, method, code
        # The class of the code is kept: whether requests fail is the last thing to lose.
        return OTHER, OTHER, f"{code[:1]}xx"


def shared_counts(folder: str | None, own: RequestCounts) -> CollectorRegistry:
    """Return what is to be shown: the counts of all processes that share a folder, else those of this one."""
    if folder is None:
        return own.registry
    registry = CollectorRegistry()
    MultiProcessCollector(registry, path=folder)  # type: ignore[no-untyped-call]  # it ships no type for this
    return registry
