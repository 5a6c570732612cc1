"""What is measured of every source: ages of the protected and the proven backup, and how long a restore takes."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.backup_queries import latest_per_source
from strongroom.catalog.backups import Backup, BackupState
from strongroom.catalog.drills import Drill, DrillState, list_newest_decided
from strongroom.levels.forecasting import Measured, forecast_seconds
from strongroom.settings import SourceSettings
from strongroom.settings.drills import drill_settings_of

DRILLS_LOOKED_AT = 5


class Breach(StrEnum):
    """A promise that is not kept; the value is the cause of its alert."""

    RPO = "level.rpo"
    PROOF = "level.proven"
    RTO = "level.rto"


@dataclass(frozen=True, slots=True)
class LastDrill:
    """The drill that was decided last."""

    id: str
    at: datetime
    passed: bool


@dataclass(frozen=True, slots=True)
class SourceLevels:
    """One source's promises and what was measured, in seconds; None where there is nothing to measure yet."""

    rpo_seconds: int
    rto_seconds: int
    proven_seconds: int
    protected_age_seconds: int | None
    """Since the newest protected backup began: what would be lost now."""
    proven_age_seconds: int | None
    """Since the last passed drill ended."""
    drill_seconds: float | None
    """What the last passed drill measured."""
    forecast_seconds: float | None
    """The same for the size of the newest backup."""
    last_drill: LastDrill | None
    breaches: tuple[Breach, ...]


@dataclass(frozen=True, slots=True)
class History:
    """What the catalog knows of one source: its backups' moments, the newest one's size, and its last drills."""

    oldest_at: datetime | None = None
    protected_at: datetime | None = None
    newest_bytes: int = 0
    drills: Sequence[Drill] = field(default=())

    @property
    def passed(self) -> list[Drill]:
        """Return the drills that passed, newest first."""
        return [drill for drill in self.drills if drill.state is DrillState.PASSED]


def measure(session: Session, sources: Mapping[str, SourceSettings], now: datetime) -> dict[str, SourceLevels]:
    """Measure every source, with a fixed number of questions however many there are."""
    histories = read_histories(session)
    return {name: judge(source, histories.get(name, History()), now) for name, source in sources.items()}


def read_histories(session: Session) -> dict[str, History]:
    """Return what the catalog knows of every source."""
    committed = Backup.state == BackupState.COMMITTED
    oldest = select(Backup.source, func.min(Backup.created_at)).where(committed).group_by(Backup.source)
    protected = select(Backup.source, func.max(Backup.created_at)).where(committed, Backup.protected_at.is_not(None))
    oldest_at: dict[str, datetime] = dict(session.execute(oldest).tuples().all())
    protected_at: dict[str, datetime] = dict(session.execute(protected.group_by(Backup.source)).tuples().all())
    drills = defaultdict[str, list[Drill]](list)
    for drill in list_newest_decided(session, each=DRILLS_LOOKED_AT):
        drills[drill.source].append(drill)
    newest = latest_per_source(session)
    return {
        source: History(
            oldest_at.get(source),
            protected_at.get(source),
            newest[source].source_bytes if source in newest else 0,
            drills[source],
        )
        for source in {*oldest_at, *drills}
    }


def judge(source: SourceSettings, history: History, now: datetime) -> SourceLevels:
    """Compare what was promised with what was measured."""
    levels = source.levels
    passed = history.passed
    measured = [_measured(drill) for drill in passed]
    drilled = passed[0].seconds if passed else None
    forecast = forecast_seconds(measured, history.newest_bytes)
    protected_age = _age(history.protected_at, now)
    proven_age = _age(passed[0].finished_at if passed else None, now)
    since_first = _age(history.oldest_at, now)
    broken = {
        Breach.RPO: _exceeds(since_first if protected_age is None else protected_age, levels.rpo_seconds),
        Breach.PROOF: _is_drilled(source)
        and _exceeds(since_first if proven_age is None else proven_age, levels.proven_seconds),
        Breach.RTO: _exceeds(drilled, levels.rto_seconds) or _exceeds(forecast, levels.rto_seconds),
    }
    return SourceLevels(
        rpo_seconds=levels.rpo_seconds,
        rto_seconds=levels.rto_seconds,
        proven_seconds=levels.proven_seconds,
        protected_age_seconds=protected_age,
        proven_age_seconds=proven_age,
        drill_seconds=drilled,
        forecast_seconds=forecast,
        last_drill=_last(history.drills[0]) if history.drills else None,
        breaches=tuple(breach for breach, is_broken in broken.items() if is_broken),
    )


def _is_drilled(source: SourceSettings) -> bool:
    settings = drill_settings_of(source)
    return settings is not None and settings.enabled


def _measured(drill: Drill) -> Measured:
    phases: dict[str, float] = (drill.report or {}).get("phases", {})
    restoring = phases.get("restoring", drill.seconds or 0.0)
    return Measured(drill.bytes, max(0.0, (drill.seconds or 0.0) - restoring), restoring)


def _last(drill: Drill) -> LastDrill:
    return LastDrill(str(drill.id), drill.finished_at or drill.created_at, drill.state is DrillState.PASSED)


def _age(at: datetime | None, now: datetime) -> int | None:
    return None if at is None else max(0, int((now - at).total_seconds()))


def _exceeds(measured: float | None, promised: int) -> bool:
    return measured is not None and measured > promised
