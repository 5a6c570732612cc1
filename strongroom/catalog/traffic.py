"""Who uses a region now, so that its limits are divided among as many processes."""

import threading
from datetime import datetime

from sqlalchemy import String, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.catalog.inserting import insert_of
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock

REFRESH_SECONDS = 3.0
USE_SECONDS = 10.0
"""For how long a process counts as a user of a region after it last moved something."""


class RegionUse(Base):
    """One process that moves data to or from a region."""

    __tablename__ = "region_use"

    region: Mapped[str] = mapped_column(String(63), primary_key=True)
    process: Mapped[str] = mapped_column(String(120), primary_key=True)
    until: Mapped[datetime] = mapped_column(UtcDateTime)


def count_users(session: Session, region: str, process: str, *, use_seconds: float) -> int:
    """Note that the process uses the region now, and return how many do, this one included."""
    insert = insert_of(session)
    until = utcnow(use_seconds)
    statement = insert(RegionUse).values(region=region, process=process, until=until)
    session.execute(statement.on_conflict_do_update(index_elements=["region", "process"], set_={"until": until}))
    session.execute(delete(RegionUse).where(RegionUse.region == region, RegionUse.until < utcnow(-60 * use_seconds)))
    using = select(func.count()).where(RegionUse.region == region, RegionUse.until > utcnow())
    return session.scalar(using) or 1


class TrafficShare:
    """Says among how many processes a region's limits are divided; looks at the catalog every few seconds of use.

    With the catalog away it repeats what it knew last: a limit is a courtesy, and no reason to stop a backup.
    """

    def __init__(self, catalog: Catalog, clock: Clock, *, region: str, process: str) -> None:
        self._catalog = catalog
        self._clock = clock
        self._region = region
        self._process = process
        self._looking = threading.Lock()
        self._look_at = float("-inf")
        self._users = 1

    def __call__(self) -> int:
        """Return the number of processes that use the region, this one included."""
        if self._clock.monotonic() >= self._look_at and self._looking.acquire(blocking=False):
            try:
                self._look()
            finally:
                self._look_at = self._clock.monotonic() + REFRESH_SECONDS
                self._looking.release()
        return self._users

    def _look(self) -> None:
        try:
            with self._catalog.begin() as session:
                self._users = count_users(session, self._region, self._process, use_seconds=USE_SECONDS)
        except CatalogUnavailableError:
            return
