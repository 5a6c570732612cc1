"""Metrics of restore drills."""

from collections.abc import Iterator

from prometheus_client.core import Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.drills import Drill, DrillState
from strongroom.metrics import definitions as metric
from strongroom.settings import Settings


def drill_families(session: Session, settings: Settings) -> Iterator[Metric]:
    """Yield when each source was last restored for proof, and how long that took."""
    passed = (Drill.state == DrillState.PASSED, Drill.finished_at.is_not(None))
    newest = select(Drill.source, func.max(Drill.finished_at).label("at")).where(*passed).group_by(Drill.source)
    last = newest.subquery()
    joined = (last.c.source == Drill.source) & (last.c.at == Drill.finished_at)
    query = select(Drill.source, last.c.at, Drill.seconds).join(last, joined).where(*passed)
    rows = [row for row in session.execute(query).tuples() if row[0] in settings.sources]
    yield metric.DRILL_SUCCESS.family({(source,): at.timestamp() for source, at, _ in rows})
    yield metric.DRILL_SECONDS.family({(source,): seconds for source, _, seconds in rows if seconds is not None})
