"""Metrics of restore drills."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from prometheus_client.core import Metric
from sqlalchemy import ColumnElement, func, select
from sqlalchemy.orm import Session

from strongroom.catalog.drills import Drill, DrillState
from strongroom.metrics import definitions as metric
from strongroom.settings import Settings

_Ended = tuple[str, datetime | None, float | None, DrillState]


def drill_families(session: Session, settings: Settings) -> Iterator[Metric]:
    """Yield when each source was last restored for proof, how long that took, and where the last drill failed."""
    passed = _newest(session, settings, Drill.state == DrillState.PASSED)
    yield metric.DRILL_SUCCESS.family({(source,): at.timestamp() for source, at, _, _ in passed if at})
    yield metric.DRILL_SECONDS.family({(source,): seconds for source, _, seconds, _ in passed if seconds is not None})
    ended = _newest(session, settings, Drill.state != DrillState.OPEN)
    yield metric.DRILL_FAILING.family({(source,): 1 for source, _, _, state in ended if state == DrillState.FAILED})


def _newest(session: Session, settings: Settings, condition: ColumnElement[bool]) -> Sequence[_Ended]:
    """Return what is known of the drill of each source that ended last, of those that the condition holds for."""
    counted = (condition, Drill.finished_at.is_not(None))
    last = (
        select(Drill.source, func.max(Drill.finished_at).label("at")).where(*counted).group_by(Drill.source).subquery()
    )
    joined = (last.c.source == Drill.source) & (last.c.at == Drill.finished_at)
    query = select(Drill.source, Drill.finished_at, Drill.seconds, Drill.state).join(last, joined).where(*counted)
    return [row for row in session.execute(query).tuples() if row[0] in settings.sources]
