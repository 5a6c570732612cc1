"""A short look at the catalog before something waits for it: a database that hangs is an answer of 503, not a silence.

The driver waits two seconds at least for a connection, and for an answer as long as the server's machine lives. So the
catalog is asked for nothing first, in a thread that is left to itself when it takes too long.
"""

import anyio
from anyio import to_thread
from fastapi import Depends, Request
from sqlalchemy import text

from api.sessions.breaker import Breaker
from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock

PATIENCE = 2.0
"""Seconds within which a catalog that answered last time answers, or counts as away: a busy one may take a moment."""
DOUBTFUL_PATIENCE = 0.25
"""Seconds for one that did not answer last time."""


class CatalogPatience:
    """Says at once that the catalog is away, or hangs. For one event loop."""

    def __init__(self, catalog: Catalog, clock: Clock) -> None:
        self._catalog = catalog
        self._seconds = PATIENCE
        self._breaker = Breaker(clock)
        # A file on this machine does not hang, and whoever writes to it keeps nobody from reading.
        self._needed = catalog.engine.dialect.name != "sqlite"

    async def verify(self) -> None:
        """Return if the catalog answers; raises CatalogUnavailableError, once it hangs within 0.3 s."""
        if not self._needed:
            return
        if not self._breaker.lets_pass():
            raise _away()
        try:
            with anyio.fail_after(self._seconds):
                await to_thread.run_sync(self._look, abandon_on_cancel=True)
        except (TimeoutError, CatalogUnavailableError):
            self._breaker.failed()
            self._seconds = DOUBTFUL_PATIENCE
            raise _away() from None
        self._breaker.succeeded()
        self._seconds = PATIENCE

    def _look(self) -> None:
        with self._catalog.alone() as connection:
            connection.execute(text("SELECT 1"))


async def verify_catalog(request: Request) -> None:
    """Let a request pass while the catalog answers; raises CatalogUnavailableError."""
    patience: CatalogPatience = request.app.state.patience
    await patience.verify()


CATALOG_NEEDED = Depends(verify_catalog)


def _away() -> CatalogUnavailableError:
    return CatalogUnavailableError(
        "The catalog database does not answer.", next_step="Ask again in some seconds; /health/ready says more."
    )
