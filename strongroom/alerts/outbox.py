"""Deliveries: claimed with a lease, tried again and again, and said through another channel when one fails.

A delivery that was claimed by somebody who died is due again when the lease is over, so a message may come twice and is
never lost. The lease is `due_at` itself: whoever claims a delivery puts it off.
"""

import uuid
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import exists, select
from sqlalchemy.orm import Session

from strongroom.alerts.choosing import CHANNEL_FAILING, next_channel
from strongroom.alerts.message import Message
from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, open_alert
from strongroom.catalog.alerts import AlertChannel, AlertDelivery, DeliveryState, NoticeReason
from strongroom.catalog.dbtime import database_now, utcnow
from strongroom.clock import RandomBytes, system_random
from strongroom.errors import StrongroomError
from strongroom.ids import id_at
from strongroom.settings.channels import ChannelSettings
from strongroom.settings.errors import UnknownChannelError

LEASE_SECONDS = 60.0
"""Longer than any channel takes; after it a delivery of somebody who died is sent by somebody else."""
LONGEST_WAIT_SECONDS = 300.0
MOST_A_CHANNEL = 3
LOOKED_AT = 100
NOBODY: Mapping[str, int] = {}
FAILURES_BEFORE_ANOTHER = 3
MOST_ATTEMPTS = 300
"""About a day at the longest wait; then the delivery is dead, and stays in sight."""


@dataclass(frozen=True, slots=True)
class Claimed:
    """One delivery that this process is to send now."""

    id: uuid.UUID
    owner: str
    channel: str
    message: Message


def has_due(session: Session) -> bool:
    """Say whether there is a delivery to claim."""
    due = exists().where(AlertDelivery.state == DeliveryState.WAITING, AlertDelivery.due_at <= utcnow())
    return bool(session.scalar(select(due)))


def claim_due(session: Session, owner: str, limit: int, busy: Mapping[str, int] = NOBODY) -> list[Claimed]:
    """Take up to `limit` deliveries that are due, oldest first; others pass them over until the lease ends.

    `busy` says how many messages are being sent through each channel now: one that hangs must not keep the others.
    """
    taken = Counter(busy)
    full = [channel for channel, count in taken.items() if count >= MOST_A_CHANNEL]
    query = select(AlertDelivery).where(AlertDelivery.state == DeliveryState.WAITING, AlertDelivery.due_at <= utcnow())
    query = query.where(AlertDelivery.channel.not_in(full)).order_by(AlertDelivery.due_at).limit(LOOKED_AT)
    claimed: list[Claimed] = []
    for delivery in session.scalars(query.with_for_update(skip_locked=True)):
        if len(claimed) == limit:
            break
        if taken[delivery.channel] >= MOST_A_CHANNEL:
            continue
        taken[delivery.channel] += 1
        delivery.due_at, delivery.lease_owner = utcnow(LEASE_SECONDS), owner
        delivery.attempts += 1
        message = Message.of_stored(delivery.payload)
        claimed.append(Claimed(delivery.id, owner, delivery.channel, message))
    return claimed


def note_sent(session: Session, claimed: Claimed) -> None:
    """Record that the channel took the message."""
    now = database_now(session)
    delivery = _held(session, claimed)
    if delivery is None:
        return
    delivery.state, delivery.finished_at, delivery.last_error = DeliveryState.SENT, now, None
    channel = _channel(session, claimed.channel)
    channel.failures, channel.succeeded_at = 0, now
    cause = f"{CHANNEL_FAILING}.{claimed.channel}"
    clear_alerts(session, cause=cause, now=now, note="The channel took a message.")


def note_failed(
    session: Session,
    claimed: Claimed,
    error: StrongroomError,
    channels: Mapping[str, ChannelSettings],
    random: RandomBytes = system_random,
) -> None:
    """Record that it did not: it is tried again later, and another channel is asked when this one seems broken."""
    now = database_now(session)
    delivery = _held(session, claimed)
    if delivery is None:
        return
    delivery.last_error = _words(error)
    # What the settings have wrong does not get better by itself; the next channel is asked at once.
    hopeless = not error.retryable
    gone = isinstance(error, UnknownChannelError) or delivery.attempts >= MOST_ATTEMPTS
    if gone:
        delivery.state, delivery.finished_at = DeliveryState.DEAD, now
    else:
        delivery.due_at = utcnow(retry_wait(delivery.attempts))
    if delivery.attempts == FAILURES_BEFORE_ANOTHER or (hopeless and delivery.attempts == 1):
        _ask_another(session, delivery, channels, random)
    _note_channel(session, claimed.channel, error, hopeless=hopeless)


def retry_wait(attempts: int) -> float:
    """Return the seconds before the next attempt: 1, 2, 4 and so on up to five minutes."""
    return min(LONGEST_WAIT_SECONDS, 2.0 ** min(attempts - 1, 32))


def _held(session: Session, claimed: Claimed) -> AlertDelivery | None:
    query = select(AlertDelivery).where(AlertDelivery.id == claimed.id, AlertDelivery.state == DeliveryState.WAITING)
    return session.scalar(query.where(AlertDelivery.lease_owner == claimed.owner).with_for_update())


def _channel(session: Session, name: str) -> AlertChannel:
    channel = session.get(AlertChannel, name, with_for_update=True)
    if channel is None:
        channel = AlertChannel(name=name, since=database_now(session), failures=0)
        session.add(channel)
    return channel


def _note_channel(session: Session, name: str, error: StrongroomError, *, hopeless: bool) -> None:
    now = database_now(session)
    channel = _channel(session, name)
    channel.failures, channel.failed_at, channel.last_error = channel.failures + 1, now, _words(error)
    if not hopeless and channel.failures < FAILURES_BEFORE_ANOTHER:
        return
    report = AlertReport(
        type=AlertType.FAILURE,
        severity=Severity.HIGH,
        cause=f"{CHANNEL_FAILING}.{name}",
        message=f"Channel takes no messages: {name}",
        next_step=f"{error.what} {error.next_step} Then: strongroom alerts test --channel {name}",
        at=now,
    )
    open_alert(session, report)


def _ask_another(
    session: Session, delivery: AlertDelivery, channels: Mapping[str, ChannelSettings], random: RandomBytes
) -> None:
    """Have another channel say the message; a test is about one channel, so it is left out."""
    if delivery.reason is NoticeReason.TEST:
        return
    used = set(session.scalars(select(AlertDelivery.channel).where(AlertDelivery.group_id == delivery.group_id)))
    message = Message.of_stored(delivery.payload)
    other = next_channel(channels, delivery.channel, used, message.severity)
    if other is None:
        return
    now = database_now(session)
    session.add(
        AlertDelivery(
            id=id_at(now, random),
            alert_id=delivery.alert_id,
            group_id=delivery.group_id,
            channel=other.name,
            reason=delivery.reason,
            payload=delivery.payload | {"note": f"Channel {delivery.channel} failed: {delivery.last_error}"},
            state=DeliveryState.WAITING,
            due_at=now,
            stands_in_for=delivery.channel,
            created_at=now,
        )
    )


def _words(error: StrongroomError) -> str:
    return f"{error.code}: {error.what}"[:500]
