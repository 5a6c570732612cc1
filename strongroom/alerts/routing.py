"""From the outbox to channels: notices become messages, one for all alerts of one cause at one moment."""

import itertools
import logging
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from strongroom.alerts.choosing import channels_of
from strongroom.alerts.holding import Holding
from strongroom.alerts.message import Message
from strongroom.alerts.sending import KEYED
from strongroom.alerts.wording import Wording
from strongroom.catalog.alert_messages import AlertDelivery, DeliveryState
from strongroom.catalog.alerts import Alert, AlertNotice, AlertState, NoticeReason
from strongroom.clock import RandomBytes, system_random
from strongroom.ids import id_at
from strongroom.settings.channels import ChannelSettings

log = logging.getLogger(__name__)

GROUP_WAIT = timedelta(seconds=1)
"""How long a notice waits for others of its cause; what fails together is said together."""
BATCH = 500
UNWORTHY_WHEN_OVER = frozenset(
    {NoticeReason.REPEAT, NoticeReason.ESCALATION, NoticeReason.RAISED, NoticeReason.ACKNOWLEDGED}
)
FOR_SOME = frozenset({NoticeReason.ACKNOWLEDGED, NoticeReason.RESOLVED})
"""What only those need to hear who keep alerts under a key, or who heard of them before."""
UNWORTHY_WHEN_ACKNOWLEDGED = frozenset({NoticeReason.REPEAT, NoticeReason.ESCALATION})


def has_unrouted(session: Session) -> bool:
    """Say whether there is a notice that was not routed, held back or not."""
    return bool(session.scalar(select(exists().where(AlertNotice.routed_at.is_(None)))))


@dataclass(frozen=True, slots=True)
class Router:
    """Routes notices to the channels of the settings, at one moment."""

    channels: Mapping[str, ChannelSettings]
    wording: Wording
    holding: Holding
    random: RandomBytes = system_random
    written: Iterator[int] = field(default_factory=itertools.count)
    """Counts deliveries: those of one moment are sent in the order in which they were written."""

    def route(self, session: Session) -> int:
        """Route what is due, in the caller's transaction, and return how many messages were handed to channels.

        Any number of processes may do this at once: each notice is routed by one of them.
        """
        groups: dict[tuple[object, ...], list[Alert]] = defaultdict(list)
        since: dict[tuple[object, ...], datetime] = {}
        for notice, alert in self._due(session):
            was_held = notice.held_by is not None
            if self._is_ready(notice, alert):
                notice.routed_at, notice.held_by = self.holding.now, None
                alert.suppressed_by = None
                key = (notice.reason, alert.type, alert.cause, alert.region)
                groups[key].append(alert)
                # For as long as it was held back on purpose nothing was to be said.
                wanted = self.holding.now if was_held else notice.created_at
                since[key] = min(since.get(key, wanted), wanted)
        return sum(self._say(session, key[0], alerts, since[key]) for key, alerts in groups.items())

    def deliver(
        self, session: Session, message: Message, channels: Sequence[ChannelSettings], alert: Alert, since: datetime
    ) -> int:
        """Write one delivery for each channel, of what was to be said `since` then, and return how many."""
        group = id_at(self.holding.now, self.random)
        for channel in channels:
            delivery = self._delivery(message, channel.name, alert, group)
            delivery.since = since
            session.add(delivery)
        return len(channels)

    def _due(self, session: Session) -> Sequence[tuple[AlertNotice, Alert]]:
        query = select(AlertNotice).where(AlertNotice.routed_at.is_(None))
        query = query.order_by(AlertNotice.created_at, AlertNotice.id).limit(BATCH).with_for_update(skip_locked=True)
        notices = session.scalars(query).all()
        ids = {notice.alert_id for notice in notices}
        # Never waits for an alert that somebody is writing to: it waits for the next pass, and nobody deadlocks.
        alerts = session.scalars(select(Alert).where(Alert.id.in_(ids)).with_for_update(skip_locked=True)).all()
        by_id = {alert.id: alert for alert in alerts}
        return [(notice, by_id[notice.alert_id]) for notice in notices if notice.alert_id in by_id]

    def _is_ready(self, notice: AlertNotice, alert: Alert) -> bool:
        """Say whether something is to be said now; what needs not be said any more is closed here."""
        if timedelta(0) <= self.holding.now - notice.created_at < GROUP_WAIT:
            return False
        over = alert.state is AlertState.RESOLVED
        if over and (notice.reason in UNWORTHY_WHEN_OVER or notice.held_by is not None):
            return self._close(notice)
        if alert.state is AlertState.ACKNOWLEDGED and notice.reason in UNWORTHY_WHEN_ACKNOWLEDGED:
            return self._close(notice)
        holder = None if notice.reason is NoticeReason.RESOLVED else self.holding.holder(alert)
        if holder is not None:
            notice.held_by = alert.suppressed_by = holder
        return holder is None

    def _close(self, notice: AlertNotice) -> bool:
        notice.routed_at = self.holding.now
        return False

    def _say(self, session: Session, reason: object, alerts: list[Alert], since: datetime) -> int:
        why = NoticeReason(str(reason))
        alerts.sort(key=lambda alert: (alert.source or "", alert.id))
        grouped, written = [c for c in self._channels(alerts, why) if c.kind not in KEYED], 0
        if grouped:
            written += self.deliver(session, self._message(why, alerts), grouped, alerts[0], since)
        for alert in alerts:
            single = [c for c in channels_of(self.channels, alert, why) if c.kind in KEYED]
            if single:
                written += self.deliver(session, self._message(why, [alert]), single, alert, since)
            if why is not NoticeReason.RESOLVED:
                alert.notices += 1
                alert.noticed_at = self.holding.now
        if not written and why not in FOR_SOME:
            log.warning("nobody is told of %d alerts (%s): no channel is meant for them", len(alerts), alerts[0].cause)
        return written

    def _channels(self, alerts: list[Alert], reason: NoticeReason) -> list[ChannelSettings]:
        worst = max(alerts, key=lambda alert: (alert.severity.rank, alert.escalated))
        return channels_of(self.channels, worst, reason)

    def _message(self, reason: NoticeReason, alerts: Sequence[Alert]) -> Message:
        return self.wording.message(str(id_at(self.holding.now, self.random)), reason, alerts)

    def _delivery(self, message: Message, channel: str, alert: Alert, group: object) -> AlertDelivery:
        now = self.holding.now
        return AlertDelivery(
            id=id_at(now, self.random),
            alert_id=alert.id,
            group_id=group,
            channel=channel,
            reason=message.reason,
            payload=message.as_stored(),
            state=DeliveryState.WAITING,
            due_at=now,
            created_at=now + timedelta(microseconds=next(self.written)),
        )
