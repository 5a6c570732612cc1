"""What keeps a message back: a silence, or an alert about what lies beneath."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.copies import REGION_DOWN
from strongroom.alerts.silences import is_silenced_by, list_silences
from strongroom.catalog.alerts import Alert, AlertSilence, AlertState, AlertType

STANDSTILL = ("broker.silent", "workers.silent")
"""While one of these is open nothing can run, so that everything is late."""
FOLLOWS_STANDSTILL = frozenset({"level.missed", "level.stuck", "level.rpo", "beat.silent"})
FOLLOWS_HOME = frozenset({"backup.failed", "level.missed", "level.rpo"})
"""What happens to every source while the home region is away."""


@dataclass(frozen=True, slots=True)
class Holding:
    """The silences in force and the alerts beneath others, as they are at one moment."""

    now: datetime
    home: str
    silences: Sequence[AlertSilence]
    regions_down: frozenset[str]
    standstill: str | None

    def holder(self, alert: Alert) -> str | None:
        """Say in a few words what keeps messages about an alert back; None when nothing does."""
        for silence in self.silences:
            if is_silenced_by(alert, silence, self.now):
                return f"silence {silence.id}: {silence.reason}"[:200]
        # That stored bytes are wrong is never a consequence of something else being away.
        return None if alert.type is AlertType.INTEGRITY else self._inhibitor(alert)

    def _inhibitor(self, alert: Alert) -> str | None:
        if alert.cause == REGION_DOWN:
            return None
        region = alert.region or (self.home if alert.cause in FOLLOWS_HOME else None)
        if region in self.regions_down:
            return f"{REGION_DOWN} of {region}"
        if self.standstill is not None and self.standstill != alert.cause and alert.cause in FOLLOWS_STANDSTILL:
            return self.standstill
        return None


def read_holding(session: Session, home: str, now: datetime) -> Holding:
    """Read what keeps messages back now."""
    beneath = select(Alert.cause, Alert.region).where(
        Alert.state != AlertState.RESOLVED, Alert.cause.in_((REGION_DOWN, *STANDSTILL))
    )
    found = session.execute(beneath).all()
    still = [cause for cause, _ in found if cause in STANDSTILL]
    return Holding(
        now=now,
        home=home,
        silences=list_silences(session, now),
        regions_down=frozenset(region for cause, region in found if cause == REGION_DOWN and region),
        standstill=still[0] if still else None,
    )
