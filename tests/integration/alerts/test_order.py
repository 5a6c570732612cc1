"""In which order deliveries are taken, and that no channel keeps another waiting."""

from datetime import timedelta

from sqlalchemy import update

from strongroom.alerts.outbox import FAILURES_BEFORE_ANOTHER, Claimed, claim_due, note_failed
from strongroom.catalog.alert_messages import AlertDelivery, DeliveryState
from strongroom.catalog.alerts import Severity
from strongroom.catalog.dbtime import utcnow
from tests.integration.alerts.conftest import Room
from tests.integration.alerts.test_outbox import FAILED, fail, make_due, row, send

PAGER = frozenset({"pager"})


def claim(room: Room, limit: int = 100) -> list[Claimed]:
    with room.catalog.begin() as session:
        return claim_due(session, "one", limit, keyed=PAGER)


def claim_pager(room: Room) -> list[Claimed]:
    """Claim what is due and have every other channel take it."""
    claimed = claim(room)
    for other in claimed:
        if other.channel != "pager":
            send(room, other)
    return [c for c in claimed if c.channel == "pager"]


def test_the_end_of_an_alert_does_not_overtake_its_beginning(room: Room):
    room.open()
    room.route()
    [begin] = claim_pager(room)
    fail(room, begin)
    room.clear()
    room.route()

    assert claim_pager(room) == []
    make_due(room)
    [again] = claim_pager(room)
    assert again.id == begin.id
    send(room, again)
    assert [c.message.resolved for c in claim_pager(room)] == [True]


def test_what_happened_within_one_moment_is_said_in_order(room: Room):
    for verb in (room.open, room.clear, room.open, room.clear, room.open):
        verb()
        room.later(milliseconds=2)
    room.route()

    said = []
    while claimed := claim_pager(room):
        assert len(claimed) == 1
        said.append(claimed[0].message.title.partition(":")[0])
        send(room, claimed[0])
    assert said == ["[CRITICAL] Backup failed", "[CRITICAL] Again", "[CRITICAL] Comes and goes"]


def test_a_channel_that_fails_hears_the_newest_and_others_hear_all(room: Room):
    room.open()
    room.route()
    for _ in range(FAILURES_BEFORE_ANOTHER):
        [begin] = claim_pager(room)
        fail(room, begin)
        make_due(room)
    room.clear()
    room.route()
    [again] = claim_pager(room)
    fail(room, again)

    assert row(room, begin.id).state is DeliveryState.DEAD, "it was said elsewhere, and is over"
    assert [c.message.resolved for c in claim_pager(room)] == [True]


def test_a_channel_with_many_messages_does_not_keep_the_others(room: Room):
    for number in range(150):
        room.open(f"source-{number}")
    room.route()
    room.open("late", severity=Severity.HIGH, cause="late.one", message="Late")
    room.route()

    claimed = claim(room, limit=8)
    assert [c.channel for c in claimed].count("pager") <= 3
    assert "[HIGH] Late" in {c.message.title for c in claimed}


def test_a_clock_that_is_set_back_puts_no_message_off(room: Room):
    room.open()
    room.route()
    [begin] = claim_pager(room)
    with room.catalog.begin() as session:
        note_failed(session, begin, FAILED, room.settings.channels)
        session.execute(update(AlertDelivery).values(due_at=utcnow(timedelta(hours=2).total_seconds())))

    assert [c.id for c in claim_pager(room)] == [begin.id]
