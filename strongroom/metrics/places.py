"""Metrics of the databases around: standbys of PostgreSQL, and the catalog itself."""

from collections.abc import Iterator
from pathlib import Path

from prometheus_client.core import Metric
from sqlalchemy import text
from sqlalchemy.orm import Session

from strongroom.catalog.standbys import list_standby_states
from strongroom.metrics import definitions as metric
from strongroom.settings import Settings
from strongroom.standby.judging import Verdict


def place_families(session: Session, settings: Settings) -> Iterator[Metric]:
    """Yield how standbys are, and how large the catalog is."""
    seen = {state.name: state for state in list_standby_states(session) if state.name in settings.standbys}
    yield metric.STANDBY_UP.family({(name,): state.verdict == Verdict.FOLLOWING for name, state in seen.items()})
    yield metric.STANDBY_LAG.family(
        {(name,): state.lag_seconds for name, state in seen.items() if state.lag_seconds is not None}
    )
    yield metric.CATALOG_BYTES.one(_catalog_bytes(session))


def _catalog_bytes(session: Session) -> float | None:
    bind = session.get_bind()
    if bind.dialect.name == "postgresql":
        return float(session.execute(text("SELECT pg_database_size(current_database())")).scalar_one())
    file = Path(bind.engine.url.database or "")
    # What was written lately is in the journal beside it.
    parts = (file, file.with_name(f"{file.name}-wal"))
    return float(sum(part.stat().st_size for part in parts if part.exists()))
