"""How the channels of the settings have done lately."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.alert_messages import AlertChannel, AlertDelivery, DeliveryState
from strongroom.settings import Settings


@dataclass(frozen=True, slots=True)
class ChannelStatus:
    """A channel: what it is for, when it took a message last, and what waits for it or was given up."""

    name: str
    kind: str
    min_severity: str
    after_minutes: int
    succeeded_at: datetime | None
    failed_at: datetime | None
    failures: int
    last_error: str | None
    waiting: int
    dead: int


def list_channels(session: Session, settings: Settings) -> list[ChannelStatus]:
    """Return the channels in the order of the settings."""
    known = {channel.name: channel for channel in session.scalars(select(AlertChannel))}
    counts = _counts(session)
    return [
        ChannelStatus(
            name=name,
            kind=channel.kind,
            min_severity=channel.min_severity,
            after_minutes=channel.after_minutes,
            succeeded_at=known[name].succeeded_at if name in known else None,
            failed_at=known[name].failed_at if name in known else None,
            failures=known[name].failures if name in known else 0,
            last_error=known[name].last_error if name in known else None,
            waiting=counts.get((name, DeliveryState.WAITING), 0),
            dead=counts.get((name, DeliveryState.DEAD), 0),
        )
        for name, channel in settings.channels.items()
    ]


def _counts(session: Session) -> dict[tuple[str, DeliveryState], int]:
    query = select(AlertDelivery.channel, AlertDelivery.state, func.count())
    query = query.where(AlertDelivery.state != DeliveryState.SENT)
    rows = session.execute(query.group_by(AlertDelivery.channel, AlertDelivery.state))
    return {(channel, state): number for channel, state, number in rows}
