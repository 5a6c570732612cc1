"""Metrics for Prometheus: those of the catalog, of one-time sessions and of the requests that were answered."""

from collections.abc import Iterable

from anyio import CapacityLimiter
from anyio.to_thread import run_sync
from fastapi import APIRouter, FastAPI, Request, Response
from prometheus_client.core import Metric

from api.counting import RequestCounting
from api.sessions.errors import SessionsAwayError
from api.sessions.redis_sessions import RedisSessionManager, SessionCounts
from strongroom.metrics import definitions as metric
from strongroom.metrics.exporting import export
from strongroom.metrics.exposition import expose
from strongroom.metrics.requests import RequestCounts, shared_counts
from strongroom.metrics.scraping import Scraper
from strongroom.runtime import Runtime
from strongroom.settings import process_environment
from strongroom.settings.metrics import MULTIPROCESS_DIRECTORY

SCRAPES_AT_A_TIME = 8

router = APIRouter(tags=["metrics"])


class MetricsDesk:
    """What the route works with: the catalog's metrics, and the counts of requests."""

    def __init__(self, runtime: Runtime, sessions: RedisSessionManager | None) -> None:
        self.sessions = sessions
        counts = self.counts = RequestCounts()
        self.scraper = Scraper(
            lambda: export(runtime.catalog, runtime.settings), runtime.clock, failed=counts.note_failed_scrape
        )
        self._folder = process_environment().get(MULTIPROCESS_DIRECTORY)
        # Of their own: scrapes that wait for a catalog that hangs take no thread from others, nor wait for one.
        self._threads = CapacityLimiter(SCRAPES_AT_A_TIME)

    async def scrape(self) -> list[Metric]:
        """Return all families there are."""
        families = await run_sync(self.scraper.scrape, limiter=self._threads)
        return [*families, *await self._session_families(), *shared_counts(self._folder, self.counts).collect()]

    async def _session_families(self) -> Iterable[Metric]:
        if self.sessions is None:
            return ()
        try:
            return _of_sessions(await self.sessions.count())
        except SessionsAwayError:
            return _of_sessions(None)


def count_requests(app: FastAPI, runtime: Runtime, sessions: RedisSessionManager) -> None:
    """Have an application count the requests it answers, and keep what its metrics are made from."""
    desk = app.state.metrics = MetricsDesk(runtime, sessions)
    app.add_middleware(RequestCounting, counts=desk.counts, clock=runtime.clock)


@router.get("/metrics", response_class=Response)
async def show_metrics(request: Request) -> Response:
    """Say everything that Prometheus wants to know; with `strongroom_up` 0 where the catalog does not answer."""
    desk: MetricsDesk = request.app.state.metrics
    shown = expose(await desk.scrape(), request.headers.get("accept", ""))
    return Response(shown.body, headers={"Content-Type": shown.content_type, "Cache-Control": "no-store"})


def _of_sessions(counts: SessionCounts | None) -> Iterable[Metric]:
    yield metric.SESSIONS.one(None if counts is None else float(counts.total - counts.used))
    yield metric.SESSIONS_REFUSED.one(None if counts is None else float(counts.refused_ever))
