"""Deliveries are claimed, tried again, said through another channel, and never lost."""

import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from strongroom.alerts.errors import ChannelFailedError, ChannelForbiddenError
from strongroom.alerts.message import Message
from strongroom.alerts.outbox import (
    FAILURES_BEFORE_ANOTHER,
    MOST_ATTEMPTS,
    Claimed,
    claim_due,
    note_failed,
    note_sent,
    retry_wait,
)
from strongroom.alerts.trying import queue_tests
from strongroom.catalog.alert_messages import AlertChannel, AlertDelivery, DeliveryState
from strongroom.catalog.alerts import Alert, AlertState, NoticeReason
from strongroom.catalog.dbtime import database_now, utcnow
from strongroom.catalog.delivery_lags import LATER, note_lag
from strongroom.catalog.tallies import Counted, read_tallies
from strongroom.errors import StrongroomError
from strongroom.settings.errors import UnknownChannelError
from tests.integration.alerts.conftest import NOON, Room
from tests.integration.jobs.staging import at_once, until_somebody_waits

FAILED = ChannelFailedError("It answered 500.", next_step="Look.")
FORBIDDEN = ChannelForbiddenError("It is 10.0.0.1.", next_step="List it.")


def claim(room: Room, owner: str = "one", limit: int = 100) -> list[Claimed]:
    with room.catalog.begin() as session:
        return claim_due(session, owner, limit)


def fail(room: Room, claimed: Claimed, error: StrongroomError = FAILED) -> None:
    with room.catalog.begin() as session:
        note_failed(session, claimed, error, room.settings.channels)


def send(room: Room, claimed: Claimed) -> None:
    with room.catalog.begin() as session:
        note_sent(session, claimed)


def make_due(room: Room, **where: object) -> None:
    with room.catalog.begin() as session:
        session.execute(update(AlertDelivery).values(due_at=utcnow(-1)))


def row(room: Room, delivery_id: uuid.UUID) -> AlertDelivery:
    with room.catalog.read() as session:
        return session.get_one(AlertDelivery, delivery_id)


def one(room: Room, channel: str = "mail") -> Claimed:
    """Open an alert and return the claimed delivery to a channel; the others are sent."""
    room.open()
    room.route()
    claimed = {claimed.channel: claimed for claimed in claim(room)}
    for name, other in claimed.items():
        if name != channel:
            send(room, other)
    return claimed[channel]


def fail_often(room: Room, claimed: Claimed, times: int) -> Claimed:
    for _ in range(times - 1):
        fail(room, claimed)
        make_due(room)
        [claimed] = [again for again in claim(room) if again.id == claimed.id]
    fail(room, claimed)
    return claimed


def channel_alerts(room: Room) -> list[Alert]:
    with room.catalog.read() as session:
        return list(session.scalars(select(Alert).where(Alert.cause.startswith("channel.failing"))))


def test_a_delivery_is_claimed_by_one(room: Room):
    room.open()
    room.route()

    claims = at_once(4, lambda number: claim(room, f"sender-{number}", 2))

    ids = [claimed.id for batch in claims for claimed in batch]
    assert len(ids) == len(set(ids)) == 3


def test_a_channel_that_hangs_does_not_keep_the_others(room: Room):
    for number in range(20):
        room.open(f"source-{number}")
    room.route()

    first = [claimed.channel for claimed in claim(room, limit=8)]
    assert first.count("pager") == 3, "as many as one channel may occupy"
    with room.catalog.begin() as session:
        assert claim_due(session, "one", 8, {"pager": 3}) == []
        assert len(claim_due(session, "one", 8, {"pager": 2})) == 1


def test_what_was_claimed_by_somebody_who_died_is_due_again_after_the_lease(room: Room):
    claimed = one(room)
    assert claim(room, "two") == []
    make_due(room)

    [again] = claim(room, "two")
    assert (again.id, again.message) == (claimed.id, claimed.message)
    send(room, again)
    fail(room, claimed)
    assert row(room, claimed.id).state is DeliveryState.SENT, "who lost the lease changes nothing"


def test_a_failure_is_tried_again_after_a_second_and_later_and_later(room: Room):
    claimed = one(room)
    fail(room, claimed)

    kept = row(room, claimed.id)
    assert (kept.state, kept.attempts, kept.last_error) == (
        DeliveryState.WAITING,
        1,
        "alerts.channel_failed: It answered 500.",
    )
    with room.catalog.read() as session:
        assert kept.due_at - database_now(session) < timedelta(seconds=1.1)
    assert [retry_wait(attempt) for attempt in (1, 2, 3, 9, 10, 1000)] == [1, 2, 4, 256, 300, 300]


def test_after_three_failures_the_next_channel_says_it_and_an_alert_says_why(room: Room):
    claimed = one(room)
    fail_often(room, claimed, FAILURES_BEFORE_ANOTHER)

    [stand_in] = [d for d in room.deliveries() if d.stands_in_for == "mail"]
    assert stand_in.channel == "text", "chat has the message already"
    said = Message.of_stored(stand_in.payload)
    assert said.title == claimed.message.title
    assert said.note == "Channel mail failed: alerts.channel_failed: It answered 500."
    [alert] = channel_alerts(room)
    assert (alert.cause, alert.state) == ("channel.failing.mail", AlertState.OPEN)
    with room.catalog.begin() as session:
        room.now = database_now(session)
    assert {channel for channel, _ in room.route()} == {"chat"}
    assert row(room, claimed.id).state is DeliveryState.WAITING


def test_what_the_settings_have_wrong_is_said_elsewhere_at_once(room: Room):
    fail(room, one(room), FORBIDDEN)

    assert [d.channel for d in room.deliveries() if d.stands_in_for] == ["text"]
    assert len(channel_alerts(room)) == 1


def test_a_channel_that_is_not_configured_any_more_is_a_dead_letter_and_is_said_elsewhere(room: Room):
    claimed = one(room)
    fail(room, claimed, UnknownChannelError("There is no channel 'mail'.", next_step="Look."))

    assert row(room, claimed.id).state is DeliveryState.DEAD
    assert [d.channel for d in room.deliveries() if d.stands_in_for] == ["text"]


def test_what_never_works_is_given_up_in_sight(room: Room):
    claimed = one(room)
    with room.catalog.begin() as session:
        session.execute(update(AlertDelivery).where(AlertDelivery.id == claimed.id).values(attempts=MOST_ATTEMPTS))
    fail(room, claimed)

    kept = row(room, claimed.id)
    assert (kept.state, kept.last_error) == (DeliveryState.DEAD, "alerts.channel_failed: It answered 500.")


def test_a_message_that_is_taken_clears_the_alert_about_the_channel(room: Room):
    claimed = fail_often(room, one(room), FAILURES_BEFORE_ANOTHER)
    make_due(room)
    [again] = [c for c in claim(room) if c.id == claimed.id]
    send(room, again)

    assert [alert.state for alert in channel_alerts(room)] == [AlertState.RESOLVED]
    with room.catalog.read() as session:
        assert session.get_one(AlertChannel, "mail").failures == 0


def test_a_channel_that_reaches_only_some_is_an_alert_until_it_reaches_all(room: Room):
    def causes() -> list[str]:
        with room.catalog.read() as session:
            query = select(Alert.cause).where(Alert.cause.startswith("channel"), Alert.state != AlertState.RESOLVED)
            return list(session.scalars(query))

    claimed = one(room)
    with room.catalog.begin() as session:
        note_sent(session, claimed, "It does not take mail for boss@example.com.")
    assert causes() == ["channel.partial.mail"]
    assert row(room, claimed.id).state is DeliveryState.SENT

    room.open("other")
    room.route()
    send(room, next(c for c in claim(room) if c.channel == "mail"))
    assert causes() == []


def test_the_first_two_messages_of_a_channel_may_be_sent_at_once(room: Room):
    claimed = one(room)

    with ThreadPoolExecutor(1) as pool:
        with room.catalog.begin() as session:
            session.add(AlertChannel(name="mail", since=NOON, failures=2))
            session.flush()
            sending = pool.submit(send, room, claimed)
            until_somebody_waits(room.catalog)
        sending.result()

    assert row(room, claimed.id).state is DeliveryState.SENT
    with room.catalog.read() as session:
        assert session.get_one(AlertChannel, "mail").failures == 0


def test_a_message_that_is_given_up_waits_for_one_that_is_taken(room: Room):
    claimed, gone = one(room), UnknownChannelError("There is no such channel.", next_step="Name another.")
    fail(room, claimed)
    make_due(room)
    (claimed,) = claim(room)

    with ThreadPoolExecutor(1) as pool:
        with room.catalog.begin() as session:
            session.get_one(AlertChannel, "mail", with_for_update=True)
            failing = pool.submit(fail, room, claimed, gone)
            until_somebody_waits(room.catalog)
            note_lag(session, "mail", 1.0, told=True)
        failing.result()

    assert row(room, claimed.id).state is DeliveryState.DEAD


def test_when_every_channel_fails_nothing_is_lost(room: Room):
    room.open()
    room.route()
    for _ in range(8):
        for claimed in claim(room):
            fail(room, claimed)
        make_due(room)

    assert all(d.state is DeliveryState.WAITING for d in room.deliveries())
    for claimed in claim(room):
        send(room, claimed)
    told = {d.channel for d in room.deliveries() if d.state is DeliveryState.SENT}
    assert set(room.settings.channels) == told


def test_a_channel_that_was_silent_for_a_week_is_tested(room: Room):
    def tests(**after: float) -> list[str]:
        room.later(**after)
        with room.catalog.begin() as session:
            return queue_tests(session, room.settings.channels.values(), room.now)

    assert tests() == []
    assert tests(days=6.9) == []
    assert tests(days=0.2) == list(room.settings.channels)
    assert tests(days=1) == []
    [test] = [d for d in room.deliveries() if d.channel == "ring"]
    assert test.reason is NoticeReason.TEST


def test_a_test_that_fails_is_an_alert_on_the_other_channels_and_is_not_said_by_them(room: Room):
    with room.catalog.begin() as session:
        queue_tests(session, room.settings.channels.values(), room.now)
        queue_tests(session, room.settings.channels.values(), room.now + timedelta(days=8))
    [claimed] = [c for c in claim(room) if c.channel == "mail"]
    fail_often(room, claimed, FAILURES_BEFORE_ANOTHER)

    assert [d for d in room.deliveries() if d.stands_in_for] == []
    assert [alert.cause for alert in channel_alerts(room)] == ["channel.failing.mail"]


@pytest.mark.parametrize("secret", ["t0ken-that-nobody-sees"])
def test_no_secret_reaches_the_catalog(room: Room, secret: str):
    fail(room, one(room))

    assert secret not in str([(d.payload, d.last_error) for d in room.deliveries()])


def test_every_attempt_is_counted_by_how_it_ended(room: Room):
    fail(room, one(room))
    make_due(room)
    (again,) = claim(room)
    fail(room, again, UnknownChannelError("There is no such channel.", next_step="Name another."))

    with room.catalog.read() as session:
        counted = read_tallies(session)
    attempts = {key[1:]: times for key, times in counted.items() if key[0] == Counted.DELIVERIES}
    mail = {outcome: times for (channel, outcome), times in attempts.items() if channel == "mail"}
    others = {outcome for channel, outcome in attempts if channel != "mail"}
    assert (mail, others) == ({"failed": 1, "dead": 1}, {"sent"})


def lags(room: Room) -> dict[tuple[str, str], int]:
    """Return how many messages there are by channel and bound."""
    with room.catalog.read() as session:
        return {key[1:]: times for key, times in read_tallies(session).items() if key[0] == Counted.DELIVERY_LAGS}


def test_a_message_counts_by_how_long_it_took_until_the_channel_took_it(room):
    claimed = one(room)
    before = lags(room)
    with room.catalog.begin() as session:
        session.execute(update(AlertDelivery).values(since=utcnow(-40)))
    fail(room, claimed)
    assert lags(room) == before
    make_due(room)
    send(room, claim(room)[0])

    assert {key: times for key, times in lags(room).items() if key not in before} == {("mail", "60.0"): 1}


def test_a_message_that_was_given_up_is_within_no_bound(room):
    claimed = one(room)
    with room.catalog.begin() as session:
        session.execute(update(AlertDelivery).values(since=utcnow()))
    fail(room, claimed, UnknownChannelError("There is no such channel.", next_step="Name another."))

    assert lags(room)["mail", LATER] == 1


def test_what_another_channel_says_instead_counts_from_when_it_was_to_be_said_first(room):
    claimed = fail_often(room, one(room), FAILURES_BEFORE_ANOTHER)
    failed = row(room, claimed.id)
    with room.catalog.read() as session:
        other = session.scalars(select(AlertDelivery).where(AlertDelivery.stands_in_for == "mail")).one()

    assert other.since == failed.since == NOON
    assert other.created_at > failed.created_at
