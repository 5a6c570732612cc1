"""What one alert keeps others from saying, and what nothing keeps back."""

import pytest

from strongroom.alerts.silences import SilenceRequest, add_silence
from strongroom.catalog.alerts import AlertType
from tests.integration.alerts.conftest import Room

DAY = 86400


def region_down(room: Room, region: str = "eu", *, silenced_days: float = 0) -> None:
    if silenced_days:
        with room.catalog.begin() as session:
            request = SilenceRequest({"cause": "region.down"}, "moving", silenced_days * DAY, "ana")
            add_silence(session, request, room.now)
    room.open(None, cause="region.down", region=region, message=f"Region cannot be relied on: {region}")
    room.route()


def titles(said: list[tuple[str, str]]) -> set[str]:
    return {title for _, title in said}


@pytest.mark.parametrize("cause", ["standby.primary", "standby.lost", "snapshot.unconfirmed"])
def test_a_database_that_is_lost_is_said_though_a_store_in_its_region_is_away(room: Room, cause: str):
    region_down(room)
    room.open("orders", cause=cause, region="eu", message="It is lost: orders")

    assert titles(room.route()) == {"[CRITICAL] It is lost: orders"}


@pytest.mark.parametrize("cause", ["backup.failed", "level.rpo", "level.missed"])
def test_what_no_source_can_do_without_the_home_region_waits_for_it(room: Room, cause: str):
    region_down(room)
    room.open(cause=cause)
    assert room.route() == []

    room.clear(None, cause="region.down", region="eu")
    assert "[CRITICAL] Backup failed: shop" in titles(room.route())


def test_another_region_that_is_away_keeps_no_backup_back(room: Room):
    region_down(room, "us")
    room.open()

    assert titles(room.route()) == {"[CRITICAL] Backup failed: shop"}


def test_a_missed_backup_is_said_after_a_day_though_what_it_follows_is_silenced_for_a_week(room: Room):
    region_down(room, silenced_days=7)
    room.open(cause="level.missed", type=AlertType.DELAY, message="Backup missed: shop")

    assert room.route(hours=23) == []
    assert titles(room.route(hours=2)) == {"[CRITICAL] Backup missed: shop"}


def test_beat_is_said_beside_a_standstill_only_when_that_is_over(room: Room):
    for cause in ("workers.silent", "beat.silent"):
        room.open(None, cause=cause, message=f"It is silent: {cause}")

    assert titles(room.route()) == {"[CRITICAL] It is silent: workers.silent"}
    room.clear(None, cause="workers.silent")
    assert "[CRITICAL] It is silent: beat.silent" in titles(room.route())


def test_a_message_knows_since_when_it_was_to_be_said(room: Room):
    began = room.now
    room.open()
    room.route(minutes=10)

    assert {delivery.since for delivery in room.deliveries()} == {began}


def test_for_as_long_as_a_silence_lasts_nothing_is_to_be_said(room: Room):
    with room.catalog.begin() as session:
        add_silence(session, SilenceRequest({"source": "shop"}, "moving", 3600, "ana"), room.now)
    room.open()
    assert room.route() == []
    room.route(hours=2)

    assert {delivery.since for delivery in room.deliveries()} == {room.now}
