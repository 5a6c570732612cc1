"""Who hears what and when: first messages, groups, repeats, escalation, silences, what lies beneath."""

from contextlib import nullcontext
from datetime import timedelta

import pytest

from strongroom.alerts.acting import acknowledge, resolve_by_hand
from strongroom.alerts.errors import AlertResolvedError, BadSilenceError, NoteMissingError
from strongroom.alerts.silences import SilenceRequest, add_silence, end_silence
from strongroom.catalog.alerts import AlertState, AlertType, Severity
from tests.integration.alerts.conftest import Room
from tests.integration.jobs.staging import at_once

FIRST = ["mail", "chat", "pager"]


def channels(said: list[tuple[str, str]]) -> list[str]:
    return [channel for channel, _ in said]


def ack(room: Room) -> None:
    with room.catalog.begin() as session:
        acknowledge(session, room.alert().id, "ana@host", room.now)


def silence(room: Room, seconds: float, **matcher: str) -> None:
    with room.catalog.begin() as session:
        add_silence(session, SilenceRequest(matcher, "moving", seconds, "ana@host"), room.now)


def test_the_first_message_goes_to_the_channels_of_the_first_minute(room: Room):
    room.open()

    said = room.route()
    assert channels(said) == FIRST
    assert {title for _, title in said} == {"[CRITICAL] Backup failed: shop"}
    assert room.route() == []


def test_a_thousand_equal_failures_are_one_alert_and_one_first_message(room: Room):
    with room.catalog.begin() as session:
        room.catalog.begin = lambda: _same(session)  # type: ignore[method-assign] # one transaction is enough here
        for _ in range(1000):
            room.open()
        del room.catalog.begin
    said = room.route()

    assert room.alert().count == 1000
    assert channels(said) == FIRST
    assert room.route(hours=0.5) == []


def test_alerts_of_lower_severity_go_where_they_are_wanted(room: Room):
    room.open(severity=Severity.MEDIUM)
    assert channels(room.route()) == ["mail", "chat"]

    room.open("logs", severity=Severity.LOW)
    assert room.route() == []
    assert room.alert("logs").state is AlertState.OPEN


def test_fifty_sources_that_fail_together_are_one_message_for_people(room: Room):
    for number in range(50):
        room.open(f"source-{number:02}")

    said = room.route()
    assert channels(said).count("mail") == 1
    assert channels(said).count("pager") == 50, "PagerDuty groups by itself, by its own keys"
    title = dict(said)["mail"]
    assert title.startswith("[CRITICAL] Backup failed: source-00, source-01,")
    assert title.endswith("and 40 more (50 alerts)")


def test_while_a_region_is_down_what_follows_from_it_is_one_message(room: Room):
    room.open(None, cause="region.down", region="us", message="Region cannot be relied on: us")
    room.route()
    for number in range(50):
        room.open(f"source-{number}", cause="copy.failed", region="us")

    assert room.route() == []
    assert room.alert("source-7").suppressed_by == "region.down of us"

    room.clear(None, cause="region.down", region="us")
    assert channels(room.route()).count("mail") == 2, "the end of the outage, and what is still wrong after it"


def test_what_is_over_with_the_region_is_not_said_at_all(room: Room):
    room.open(None, cause="region.down", region="us", message="Region cannot be relied on: us")
    room.route()
    room.open(cause="copy.failed", region="us")
    room.route()
    room.clear(cause="copy.failed", region="us")
    room.clear(None, cause="region.down", region="us")

    assert [title for _, title in room.route()] == ["Resolved: Region cannot be relied on: us (after 6 s)"] * 3


def test_damage_is_said_even_when_its_region_is_down(room: Room):
    room.open(None, cause="region.down", region="us", message="Region cannot be relied on: us")
    room.route()
    room.open(cause="verify.damage", region="us", type=AlertType.INTEGRITY, message="Backup damaged: shop in us")

    assert channels(room.route()) == FIRST


def test_what_was_over_before_it_could_be_said_is_said_all_the_same(room: Room):
    room.open(cause="verify.damage", type=AlertType.INTEGRITY, message="Backup damaged: shop")
    room.clear(cause="verify.damage")

    assert room.route() == [(channel, "Over already: Backup damaged: shop") for channel in FIRST]


def test_who_heard_of_it_hears_that_it_is_over(room: Room):
    room.open()
    room.route()
    room.remind(minutes=5)
    room.later(minutes=55)
    room.clear()

    said = room.route()
    assert channels(said) == ["mail", "chat", "text", "pager"]
    assert said[0][1] == "Resolved: Backup failed: shop (after 60 min)"


def test_a_repeat_reads_differently(room: Room):
    room.open()
    room.route()
    for _ in range(2):
        room.remind(minutes=61)

    titles = [title for channel, title in room.said() if channel == "mail"]
    assert titles[1].startswith("[CRITICAL] Still failing, 2nd time: Backup failed: shop, since 2026-05-04 12:00 UTC (")
    assert titles[2].startswith("[CRITICAL] Still failing, 3rd time: ")
    assert len(set(titles)) == 3


@pytest.mark.parametrize(("severity", "hours"), [(Severity.CRITICAL, 1), (Severity.HIGH, 4)])
def test_repeats_come_as_often_as_the_severity_says(room: Room, severity: Severity, hours: int):
    room.open(severity=severity)
    room.route()

    assert "mail" not in channels(room.remind(hours=hours, seconds=-5))
    assert "mail" in channels(room.remind(seconds=10))


def test_medium_is_repeated_once_a_day_in_one_digest(room: Room):
    room.remind()
    for name in ("a", "b"):
        room.open(name, severity=Severity.MEDIUM)
    room.route()

    assert room.remind(hours=12) == []
    said = room.remind(hours=13)
    assert said == [("mail", "Still open once a day: 2 alerts"), ("chat", "Still open once a day: 2 alerts")]
    assert room.remind(hours=1) == []


def test_a_critical_alert_goes_further_while_nobody_acknowledges(room: Room):
    room.open()
    room.route()

    assert room.remind(minutes=4) == []
    assert channels(room.remind(minutes=1)) == ["text"]
    assert room.remind(minutes=9) == []
    assert channels(room.remind(minutes=1)) == ["ring"]
    assert channels(room.remind(minutes=15)) == ["second"]
    assert room.remind(minutes=20) == []


def test_only_critical_alerts_go_further(room: Room):
    room.open(severity=Severity.HIGH)
    room.route()

    assert room.remind(hours=1) == []


def test_an_acknowledgement_stops_it_for_a_day(room: Room):
    room.open()
    room.route()
    ack(room)

    assert channels(room.route()) == ["pager"], "PagerDuty hears of it"
    assert room.remind(hours=23) == []
    assert "mail" in channels(room.remind(hours=2))
    assert room.alert().state is AlertState.OPEN


def test_repeats_of_an_acknowledged_failure_say_nothing(room: Room):
    room.open()
    room.route()
    ack(room)
    room.route()
    room.open()

    assert room.route() == []
    assert (room.alert().state, room.alert().count) == (AlertState.ACKNOWLEDGED, 2)


def test_a_silence_holds_messages_back_and_says_what_is_still_wrong_at_its_end(room: Room):
    silence(room, 3600, source="sh*", severity="critical")
    room.open()
    room.open("mail-server")

    assert {title for _, title in room.route()} == {"[CRITICAL] Backup failed: mail-server"}
    assert str(room.alert().suppressed_by).startswith("silence ")
    assert all("shop" not in title for _, title in room.remind(minutes=50))
    assert ("mail", "[CRITICAL] Backup failed: shop") in room.route(minutes=10)


def test_a_silence_can_be_ended_early(room: Room):
    with room.catalog.begin() as session:
        kept = add_silence(session, SilenceRequest({"source": "shop"}, "moving", 3600, "ana"), room.now)
    room.open()
    assert room.route() == []
    with room.catalog.begin() as session:
        end_silence(session, kept.id, "ana", room.now)

    assert channels(room.route()) == FIRST


def test_the_dead_mans_switch_is_silenced_for_a_day_at_most(room: Room):
    silence(room, 7 * 86400, type="failure")
    room.open(None, cause="beat.silent", message="Beat has been silent")
    room.open()
    assert room.route() == []

    assert {title for _, title in room.route(hours=24)} == {"[CRITICAL] Beat has been silent"}


@pytest.mark.parametrize(
    ("matcher", "reason", "days", "why"),
    [
        ({}, "r", 1, "match something"),
        ({"colour": "red"}, "r", 1, "by colour"),
        ({"source": "shop"}, " ", 1, "a reason"),
        ({"source": "shop"}, "r", 7.1, "7 days"),
        ({"source": "shop"}, "r", 0, "7 days"),
        ({"cause": "beat.*"}, "r", 2, "24 hours"),
    ],
)
def test_a_bad_silence_is_refused(room: Room, matcher: dict[str, str], reason: str, days: float, why: str):
    request = SilenceRequest(matcher, reason, days * 86400, "ana")

    with pytest.raises(BadSilenceError, match=why), room.catalog.begin() as session:
        add_silence(session, request, room.now)


def test_resolving_by_hand_needs_a_note_and_an_unresolved_alert(room: Room):
    room.open()
    alert = room.alert().id
    with pytest.raises(NoteMissingError), room.catalog.begin() as session:
        resolve_by_hand(session, alert, "ana", "  ", room.now)
    with room.catalog.begin() as session:
        resolve_by_hand(session, alert, "ana", "disk replaced", room.now)
    with pytest.raises(AlertResolvedError), room.catalog.begin() as session:
        resolve_by_hand(session, alert, "ana", "again", room.now)

    assert (room.alert().resolved_by, room.alert().resolution) == ("ana", "disk replaced")


def test_an_alert_that_comes_back_says_again(room: Room):
    room.open()
    room.route()
    room.clear()
    room.route()
    room.later(minutes=10)
    room.open()

    assert room.route()[0] == ("mail", "[CRITICAL] Again: Backup failed: shop")


def test_an_alert_that_comes_and_goes_says_so_once_and_then_once_a_day(room: Room):
    room.remind()
    titles = []
    for _ in range(4):
        room.open()
        titles += [title for channel, title in room.route() if channel == "mail"]
        room.clear()
        titles += [title for channel, title in room.route() if channel == "mail"]
        room.later(minutes=30)
    room.open()
    titles += [title for channel, title in room.route() if channel == "mail"]

    assert titles[-1] == "[CRITICAL] Comes and goes: Backup failed: shop; from now on once a day"
    assert sum("Comes and goes" in title for title in titles) == 1
    assert any("Still open once a day" in title for _, title in room.remind(hours=24))


def test_two_that_route_at_once_say_it_once(room: Room):
    for number in range(20):
        room.open(f"s{number}", cause=f"cause.{number}")
    room.later(seconds=2)

    def route(_: int) -> None:
        with room.catalog.begin() as session:
            room.router(session).route(session)

    at_once(4, route)
    route(0)

    assert channels(room.said()).count("mail") == 20


def test_an_alert_about_a_channel_does_not_go_through_it(room: Room):
    room.open(None, cause="channel.failing.mail", message="Channel takes no messages: mail")

    assert channels(room.route()) == ["chat", "pager"]


def test_held_messages_do_not_escalate(room: Room):
    silence(room, 7200, source="shop")
    room.open()
    room.route()

    assert room.remind(hours=1) == []


def _same(session):  # type: ignore[no-untyped-def] # stands in for a transaction
    return nullcontext(session)


def test_time_is_what_the_alert_says(room: Room):
    room.open()
    assert room.alert().since == room.now
    room.later(minutes=1)
    room.open()
    assert room.alert().last_seen - room.alert().since == timedelta(minutes=1)


def test_what_gets_worse_goes_further_though_somebody_acknowledged_the_lesser(room: Room):
    room.open(severity=Severity.MEDIUM)
    room.route()
    ack(room)
    room.route(hours=3)
    room.open(severity=Severity.CRITICAL)

    assert ("mail", "[CRITICAL] Worse now: Backup failed: shop") in room.route()
    assert room.remind(minutes=4) == []
    assert channels(room.remind(minutes=1)) == ["text"], "five minutes after it became critical"


def test_further_channels_are_asked_minutes_after_the_first_were_told(room: Room):
    silence(room, 7200, source="shop")
    room.open()
    room.route()

    assert channels(room.route(hours=2, seconds=1)) == FIRST
    assert room.remind(minutes=4) == []
    assert channels(room.remind(minutes=1)) == ["text"]


def test_an_acknowledgement_that_ran_out_gives_the_minutes_anew(room: Room):
    room.open()
    room.route()
    ack(room)
    room.route()

    assert channels(room.remind(hours=24)) == FIRST
    assert channels(room.remind(minutes=5)) == ["text"]


def test_whoever_keeps_alerts_by_key_hears_the_end_of_what_comes_and_goes(room: Room):
    for _ in range(3):
        room.open()
        room.route()
        room.clear()
        said = room.route()
        room.later(minutes=10)

    assert channels(said) == ["pager"]
    assert said[0][1].startswith("Resolved: ")


def test_a_failing_channel_is_said_by_those_meant_for_worse_when_nobody_else_is_left(room: Room):
    for name in ("chat", "ring", "second", "pager"):
        del room.settings.channels[name]  # type: ignore[attr-defined] # a plain dictionary
    room.open(None, cause="channel.failing.mail", severity=Severity.HIGH, message="Channel takes no messages: mail")

    assert channels(room.route()) == ["text"]


def test_the_digest_reaches_people_though_no_channel_is_asked_at_once(room: Room):
    for name in ("mail", "chat"):
        room.settings.channels[name] = room.settings.channels[name].model_copy(update={"after_minutes": 5})  # type: ignore[index] # a plain dictionary
    room.remind()
    room.open(severity=Severity.MEDIUM)
    room.route()

    assert channels(room.remind(hours=25)) == ["mail", "chat"]
