"""Deliveries: claimed with a lease, tried again and again, and said through another channel when one fails.

A delivery that was claimed by somebody who died is due again when the lease is over, so a message may come twice and is
never lost. The lease is `due_at` itself: whoever claims a delivery puts it off.
"""

import uuid
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from strongroom.alerts.choosing import CHANNEL_FAILING, next_channel
from strongroom.alerts.errors import AddressDeferredError, AddressRefusedError
from strongroom.alerts.message import Message
from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, keep_open, open_alert
from strongroom.alerts.personal import operations_of, tell_operations
from strongroom.alerts.sending import KEYED
from strongroom.catalog.alert_messages import AlertChannel, AlertDelivery, DeliveryState
from strongroom.catalog.alerts import NoticeReason
from strongroom.catalog.dbtime import database_now, utcnow
from strongroom.catalog.delivery_lags import note_lag
from strongroom.catalog.inserting import lock_row
from strongroom.catalog.tallies import Counted, add_to_tally
from strongroom.clock import RandomBytes, system_random
from strongroom.errors import StrongroomError
from strongroom.ids import id_at
from strongroom.settings.channels import ChannelSettings
from strongroom.settings.errors import UnknownChannelError

LEASE_SECONDS = 60.0
"""Longer than any channel takes; after it a delivery of somebody who died is sent by somebody else."""
LONGEST_WAIT_SECONDS = 300.0
MOST_A_CHANNEL = 3
NOBODY: Mapping[str, int] = {}
LATEST_SECONDS = 2 * LONGEST_WAIT_SECONDS
"""No delivery is put off for so long: one that is was put off before the clock of the database was set back."""
CHANNEL_PARTIAL = "channel.partial"
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
    recipient: str | None = None
    """The one address of a mail to a single person."""


def has_due(session: Session) -> bool:
    """Say whether there is a delivery to claim."""
    return bool(session.scalar(select(exists().where(*_due()))))


def claim_due(
    session: Session, owner: str, limit: int, busy: Mapping[str, int] = NOBODY, keyed: Collection[str] = ()
) -> list[Claimed]:
    """Take up to `limit` deliveries that are due, oldest first; others pass them over until the lease ends.

    `busy` says how many messages are being sent through each channel now: one that hangs, or that has many to send,
    must not keep the others. Channels in `keyed` hear of each alert in order: what was said first is taken first.
    """
    oldest = select(AlertDelivery.channel, func.min(AlertDelivery.created_at)).where(*_due())
    channels = session.execute(oldest.group_by(AlertDelivery.channel).order_by(func.min(AlertDelivery.created_at)))
    claimed: list[Claimed] = []
    for channel, _ in channels.all():
        free = min(MOST_A_CHANNEL - busy.get(channel, 0), limit - len(claimed))
        if free > 0:
            claimed += _claim(session, owner, channel, free, in_order=channel in keyed)
    return claimed


def note_sent(session: Session, claimed: Claimed, complaint: str | None = None) -> None:
    """Record that the channel took the message, and open an alert where it did not for all who should hear."""
    now = database_now(session)
    delivery = _held(session, claimed)
    if delivery is None:
        return
    delivery.state, delivery.finished_at, delivery.last_error = DeliveryState.SENT, now, None
    channel = _channel(session, claimed.channel)
    channel.failures, channel.succeeded_at = 0, now
    _count(session, delivery, "sent", now)
    cause = f"{CHANNEL_FAILING}.{claimed.channel}"
    clear_alerts(session, cause=cause, now=now, note="The channel took a message.")
    _note_complaint(session, channel, complaint, now)


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
    never = isinstance(error, UnknownChannelError | AddressRefusedError)
    gone = never or delivery.attempts >= MOST_ATTEMPTS
    if gone or _is_outdated(session, delivery, channels):
        delivery.state, delivery.finished_at = DeliveryState.DEAD, now
    else:
        delivery.due_at = utcnow(retry_wait(delivery.attempts))
    early = never or (hopeless and delivery.attempts == 1)
    if delivery.attempts == FAILURES_BEFORE_ANOTHER or (early and delivery.attempts < FAILURES_BEFORE_ANOTHER):
        _ask_another(session, delivery, channels, random)
    outcome = "dead" if delivery.state is DeliveryState.DEAD else "failed"
    if isinstance(error, AddressRefusedError | AddressDeferredError):
        # The channel works, and is late with nothing.
        add_to_tally(session, Counted.DELIVERIES, claimed.channel, outcome)
        return
    # The channel before the counts, as where a message is taken: in two orders two of them would block each other.
    _note_channel(session, claimed.channel, error, hopeless=hopeless)
    _count(session, delivery, outcome, now)


def _count(session: Session, delivery: AlertDelivery, outcome: str, now: datetime) -> None:
    add_to_tally(session, Counted.DELIVERIES, delivery.channel, outcome)
    if delivery.state is not DeliveryState.WAITING:
        seconds = (now - (delivery.since or delivery.created_at)).total_seconds()
        note_lag(session, delivery.channel, seconds, told=delivery.state is DeliveryState.SENT)


def retry_wait(attempts: int) -> float:
    """Return the seconds before the next attempt: 1, 2, 4 and so on up to five minutes."""
    return min(LONGEST_WAIT_SECONDS, 2.0 ** min(attempts - 1, 32))


def _due() -> tuple[ColumnElement[bool], ...]:
    moment = or_(AlertDelivery.due_at <= utcnow(), AlertDelivery.due_at > utcnow(LATEST_SECONDS))
    return AlertDelivery.state == DeliveryState.WAITING, moment


def _claim(session: Session, owner: str, channel: str, most: int, *, in_order: bool) -> list[Claimed]:
    query = select(AlertDelivery).where(*_due(), AlertDelivery.channel == channel)
    if in_order:
        query = query.where(~_another_waits(AlertDelivery, earlier=True))
    query = query.order_by(AlertDelivery.created_at, AlertDelivery.id).limit(most)
    claimed = []
    for delivery in session.scalars(query.with_for_update(skip_locked=True)):
        delivery.due_at, delivery.lease_owner = utcnow(LEASE_SECONDS), owner
        delivery.attempts += 1
        message = Message.of_stored(delivery.payload)
        claimed.append(Claimed(delivery.id, owner, channel, message, delivery.recipient))
    return claimed


def _another_waits(delivery: type[AlertDelivery] | AlertDelivery, *, earlier: bool) -> ColumnElement[bool]:
    """Return whether an earlier, or a later, message about the same alert waits for the same channel."""
    other = aliased(AlertDelivery)
    order = other.created_at < delivery.created_at if earlier else other.created_at > delivery.created_at
    same = (other.channel == delivery.channel, other.alert_id == delivery.alert_id)
    return exists().where(other.state == DeliveryState.WAITING, *same, order)


def _is_outdated(session: Session, delivery: AlertDelivery, channels: Mapping[str, ChannelSettings]) -> bool:
    """Say whether a later message makes this one needless, where the channel keeps alerts under a key.

    Only once another channel was asked to say it, so that it was said.
    """
    channel = channels.get(delivery.channel)
    if channel is None or channel.kind not in KEYED or delivery.stands_in_for is not None:
        return False
    if delivery.attempts <= FAILURES_BEFORE_ANOTHER:
        return False
    return bool(session.scalar(select(_another_waits(delivery, earlier=False))))


def _held(session: Session, claimed: Claimed) -> AlertDelivery | None:
    query = select(AlertDelivery).where(AlertDelivery.id == claimed.id, AlertDelivery.state == DeliveryState.WAITING)
    return session.scalar(query.where(AlertDelivery.lease_owner == claimed.owner).with_for_update())


def _channel(session: Session, name: str) -> AlertChannel:
    return lock_row(session, AlertChannel, name, name=name, since=utcnow(), failures=0)


def _note_complaint(session: Session, channel: AlertChannel, complaint: str | None, now: datetime) -> None:
    cause = f"{CHANNEL_PARTIAL}.{channel.name}"
    if complaint is None:
        clear_alerts(session, cause=cause, now=now, note="The channel took a message for everybody.")
        return
    channel.last_error = complaint[:500]
    report = AlertReport(
        type=AlertType.FAILURE,
        severity=Severity.HIGH,
        cause=cause,
        message=f"Channel does not reach everybody: {channel.name}",
        next_step=f"{complaint} Then: strongroom alerts test --channel {channel.name}",
        at=now,
    )
    keep_open(session, report)


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
    message = Message.of_stored(delivery.payload)
    if delivery.recipient is not None:
        _pass_on(session, delivery, message, channels, random)
        return
    other = next_channel(channels, delivery.channel, _asked(session, delivery), message.severity)
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
            since=delivery.since or delivery.created_at,
            created_at=now,
        )
    )


def _pass_on(
    session: Session,
    delivery: AlertDelivery,
    message: Message,
    channels: Mapping[str, ChannelSettings],
    random: RandomBytes,
) -> None:
    """Have the operations' channels say what a mail did not; the same channel too, where only the address is wrong."""
    said = delivery.last_error or ""
    by_address = said.startswith((AddressRefusedError.code, AddressDeferredError.code))
    asked = operations_of(channels, besides="" if by_address else delivery.channel)
    tell_operations(session, message, asked, f"The mail was not taken ({said})", database_now(session), random)


def _asked(session: Session, delivery: AlertDelivery) -> set[str]:
    """Return the channels that have the message, or are told the same of this alert in their own right."""
    own = AlertDelivery.stands_in_for.is_(None)
    alike = and_(AlertDelivery.alert_id == delivery.alert_id, AlertDelivery.reason == delivery.reason, own)
    query = select(AlertDelivery.channel).where(or_(AlertDelivery.group_id == delivery.group_id, alike))
    return set(session.scalars(query))


def _words(error: StrongroomError) -> str:
    return f"{error.code}: {error.what}"[:500]
