"""What keeps a message back: a silence, or an alert about what lies beneath."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.copies import REGION_DOWN
from strongroom.alerts.silences import DEAD_MAN, LONGEST_FOR_DEAD_MAN, is_silenced_by, list_silences
from strongroom.catalog.alert_messages import AlertSilence
from strongroom.catalog.alerts import Alert, AlertState, AlertType

STANDSTILL = ("broker.silent", "workers.silent")
"""While one of these is open nothing can run, so that everything is late."""
FOLLOWS_STANDSTILL = frozenset({"level.missed", "level.stuck", "level.rpo", "beat.silent"})
FOLLOWS_REGION = frozenset(
    {
        "copy.failed",
        "verify.failed",
        "repair.failed",
        "collection.failed",
        "rotation.failed",
        "extension.failed",
        "drill.blocked",
    }
)
"""What cannot succeed in a region whose store is away. A database that stands there is no consequence of that."""
FOLLOWS_HOME = frozenset({"backup.failed", "level.missed", "level.rpo"})
"""What happens to every source while the home region is away."""


@dataclass(frozen=True, slots=True)
class Holding:
    """The silences in force and the alerts beneath others, as they are at one moment."""

    now: datetime
    home: str
    silences: Sequence[AlertSilence]
    beneath: Sequence[Alert]
    """Regions that are down, and what keeps everything from running; unresolved, silenced or not."""

    def holder(self, alert: Alert) -> str | None:
        """Say in a few words what keeps messages about an alert back; None when nothing does."""
        for silence in self.silences:
            if is_silenced_by(alert, silence, self.now):
                return f"silence {silence.id}: {silence.reason}"[:200]
        # That stored bytes are wrong is never a consequence of something else being away.
        return None if alert.type is AlertType.INTEGRITY else self._inhibitor(alert)

    def _inhibitor(self, alert: Alert) -> str | None:
        for other in self.beneath:
            if other.cause != alert.cause and self._follows(alert, other) and not self._is_too_long(alert, other):
                return f"{REGION_DOWN} of {other.region}" if other.cause == REGION_DOWN else other.cause
        return None

    def _follows(self, alert: Alert, other: Alert) -> bool:
        if other.cause in STANDSTILL:
            return alert.cause in FOLLOWS_STANDSTILL
        if alert.cause in FOLLOWS_HOME:
            return other.region == self.home
        return alert.cause in FOLLOWS_REGION and other.region == alert.region

    def _is_too_long(self, alert: Alert, other: Alert) -> bool:
        """Say whether nobody would hear of the dead-man's switch for over a day, since what it follows is silenced."""
        if alert.cause not in DEAD_MAN:
            return False
        silenced = [silence for silence in self.silences if is_silenced_by(other, silence, self.now)]
        return any(self.now - silence.created_at >= LONGEST_FOR_DEAD_MAN for silence in silenced)


def read_holding(session: Session, home: str, now: datetime) -> Holding:
    """Read what keeps messages back now."""
    beneath = select(Alert).where(Alert.state != AlertState.RESOLVED, Alert.cause.in_((REGION_DOWN, *STANDSTILL)))
    return Holding(now, home, list_silences(session, now), session.scalars(beneath.order_by(Alert.id)).all())
