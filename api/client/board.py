"""What the status board shows: how well each source is protected, and nothing that helps an attacker."""

import threading
from datetime import datetime

from pydantic import BaseModel

from strongroom.levels.status import SourceStatus, StatusReport, status
from strongroom.services import Services

SECONDS_KEPT = 5.0
"""All boards that are open ask again and again; within these they are shown the same."""


class SourceLine(BaseModel):
    """One source: `healthy`, or what is the matter; the newest backup, in how many of its regions, and the next run."""

    name: str
    verdict: str
    last_backup_at: datetime | None
    copies: int
    copies_wanted: int
    next_run_at: datetime | None


class RegionLine(BaseModel):
    """One region, and whether all that was checked in it is whole."""

    name: str
    healthy: bool


class BoardDocument(BaseModel):
    """The whole board; `troubled` counts sources that are not healthy, which come first."""

    as_of: datetime
    healthy: bool
    troubled: int
    sources: list[SourceLine]
    regions: list[RegionLine]


class Board:
    """Answers from the catalog, at most every five seconds; safe between threads."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._clock = services.clock
        self._lock = threading.Lock()
        self._shown: BoardDocument | None = None
        self._until = 0.0

    def show(self) -> BoardDocument:
        """Return the board; raises CatalogUnavailableError."""
        with self._lock:
            if self._shown is None or self._clock.monotonic() >= self._until:
                self._shown = _board(status(self._services), self._clock.now())
                self._until = self._clock.monotonic() + SECONDS_KEPT
            return self._shown


def _board(report: StatusReport, now: datetime) -> BoardDocument:
    faulty = set(report.region_faults)
    return BoardDocument(
        as_of=now,
        healthy=report.healthy,
        troubled=sum(not source.healthy for source in report.sources),
        sources=[_line(source) for source in report.sources],
        regions=[RegionLine(name=one.name, healthy=one.healthy and one.name not in faulty) for one in report.regions],
    )


def _line(source: SourceStatus) -> SourceLine:
    return SourceLine(
        name=source.name,
        verdict=_verdict(source),
        last_backup_at=source.last_committed,
        copies=sum(state == "present" for state in source.regions.values()),
        copies_wanted=len(source.regions),
        next_run_at=source.next_run,
    )


def _verdict(source: SourceStatus) -> str:
    if source.healthy:
        return "healthy"
    if source.failing:
        return "failing"
    if source.backup_id is None:
        return "no backup yet"
    if source.overdue:
        return "overdue"
    return "incomplete" if source.partial else "not in every region yet"
