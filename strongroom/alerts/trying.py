"""Tests of channels: at once when somebody asks, and by themselves after a week in which nothing was sent."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.message import Message
from strongroom.alerts.sending import Sender
from strongroom.catalog.alert_messages import AlertChannel, AlertDelivery, DeliveryState
from strongroom.catalog.alerts import NoticeReason
from strongroom.catalog.inserting import lock_row
from strongroom.clock import RandomBytes, system_random
from strongroom.errors import StrongroomError
from strongroom.ids import id_at
from strongroom.settings.channels import ChannelSettings

TEST_AFTER = timedelta(days=7)
TITLE = "Test of channel {name}: this is no alert"
NOTE = "Strongroom sends it to see whether somebody would be reached. There is nothing to do."


@dataclass(frozen=True, slots=True)
class TestResult:
    """Whether a channel took a test, and what it said if not."""

    __test__ = False

    channel: str
    kind: str
    taken: bool
    error: str | None = None
    next_step: str | None = None


def try_channel(sender: Sender, name: str, random: RandomBytes = system_random) -> TestResult:
    """Send a test through a channel now, and say how it went; raises UnknownChannelError."""
    channel = sender.settings.get_channel(name)
    message = make_test(name, str(id_at(sender.clock.now(), random)))
    try:
        complaint = sender.send(name, message)
    except StrongroomError as error:
        return TestResult(name, channel.kind, taken=False, error=error.what, next_step=error.next_step)
    return TestResult(name, channel.kind, taken=complaint is None, error=complaint)


def make_test(name: str, message_id: str) -> Message:
    """Return the message that tests a channel."""
    return Message(message_id, NoticeReason.TEST, TITLE.format(name=name), (), NOTE)


def queue_tests(
    session: Session, channels: Iterable[ChannelSettings], now: datetime, random: RandomBytes = system_random
) -> list[str]:
    """Write a test for every channel that was silent for a week, in the caller's transaction; return their names.

    A test that fails is an alert on the other channels, as any message that fails is.
    """
    known = {channel.name: channel for channel in session.scalars(select(AlertChannel))}
    due = []
    for settings in channels:
        name = settings.name
        channel = known.get(name) or lock_row(session, AlertChannel, name, name=name, since=now, failures=0)
        moments = (channel.since, channel.succeeded_at, channel.tested_at)
        last = max(moment for moment in moments if moment is not None)
        if settings.weekly_test and now - last >= TEST_AFTER:
            channel.tested_at = now
            session.add(_delivery(settings.name, now, random))
            due.append(settings.name)
    return due


def _delivery(name: str, now: datetime, random: RandomBytes) -> AlertDelivery:
    message = make_test(name, str(id_at(now, random)))
    return AlertDelivery(
        id=id_at(now, random),
        group_id=id_at(now, random),
        channel=name,
        reason=NoticeReason.TEST,
        payload=message.as_stored(),
        state=DeliveryState.WAITING,
        due_at=now,
        created_at=now,
    )
