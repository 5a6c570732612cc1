"""The watcher as a whole: from a failing transaction to an ear, killed in between, and with the catalog away."""

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from sqlalchemy import select, update

from strongroom.alerts.opening import AlertReport, AlertType, Severity, open_alert
from strongroom.alerts.sending import Sender
from strongroom.catalog.alert_messages import AlertDelivery, DeliveryState
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.dbtime import database_now, utcnow
from strongroom.catalog.watching import ExpectedRun, WatchLease
from strongroom.watch.catalog_away import CatalogAway
from tests.integration.jobs.staging import HandClock
from tests.integration.watch.conftest import Yard
from tests.services.collector import collecting
from tests.services.loud import Mood

PROJECT = Path(__file__).resolve().parents[3]
KILLS = 3


STORY = "4bf92f3577b34da6a3ce929d0e0e4736"


def fail(yard: Yard, source: str = "shop") -> str:
    with yard.catalog.begin() as session:
        report = AlertReport(
            AlertType.FAILURE,
            Severity.CRITICAL,
            "backup.failed",
            f"Backup failed: {source}",
            "Look.",
            database_now(session),
            source=source,
            trace_id=STORY,
        )
        return str(open_alert(session, report).id)


def heard(yard: Yard) -> set[str]:
    taken = [heard for heard in yard.ear.heard if heard.answered and heard.path.startswith("/alerts")]
    return {alert["id"] for heard in taken for alert in heard.json["alerts"]}


def waiting(yard: Yard, *, claimed: bool = False) -> int:
    query = select(AlertDelivery.lease_owner).where(AlertDelivery.state == DeliveryState.WAITING)
    with yard.catalog.read() as session:
        if claimed:
            query = query.where(AlertDelivery.lease_owner.is_not(None), AlertDelivery.due_at > database_now(session))
        return len(session.scalars(query).all())


def eventually(done, what: str, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < deadline, what
        time.sleep(0.005)


def start(yard: Yard) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "strongroom", "--config", str(yard.settings.path), "watch"]
    environment = {**os.environ, **yard.env, "PYTHONPATH": str(PROJECT)}
    with (yard.settings.path.parent / "watch.log").open("ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def test_a_failure_is_heard_of_and_the_process_ends_when_asked(yard: Yard):
    with collecting() as collector:
        yard.env["OTEL_EXPORTER_OTLP_ENDPOINT"] = collector.endpoint
        process = start(yard)
        alert = fail(yard)
        eventually(lambda: alert in heard(yard), "it is heard of")
        process.send_signal(signal.SIGTERM)
        assert process.wait(30) == 0

    (sent,) = [span for span in collector.of(STORY) if span.name == "alert send"]
    assert (sent.service, sent.attributes["strongroom.channel"]) == ("watch", "ear")
    assert {"watch evaluate", "watch route", "watch ping"} <= {span.name for span in collector.spans}
    assert any(span.parent_id for span in collector.spans if "db.query.text" in span.attributes)
    assert all(secret not in (yard.settings.path.parent / "watch.log").read_text() for secret in yard.env.values())
    with yard.catalog.read() as session:
        assert session.scalars(select(WatchLease)).all() == [], "another may lead at once"


@pytest.mark.parametrize("seed", [1])
def test_nothing_is_lost_when_the_watcher_is_killed_between_claim_and_send(yard: Yard, seed: int):
    chance = random.Random(seed)
    alerts = set()
    for number in range(KILLS):
        yard.ear.mood = chance.choice([Mood.HANGS, Mood.HANGS, Mood.SLAMS])
        process = start(yard)
        alerts.add(fail(yard, f"source-{number}"))
        eventually(lambda: waiting(yard, claimed=True) > 0, "a delivery is claimed")
        time.sleep(chance.choice([0.0, 0.002, 0.02]))
        process.kill()
        process.wait()
        assert waiting(yard) > 0
        with yard.catalog.begin() as session:
            session.execute(update(AlertDelivery).values(due_at=utcnow(-1)))
            session.execute(update(WatchLease).values(until=utcnow(-1)))
    yard.ear.mood = Mood.WELL
    process = start(yard)
    eventually(lambda: waiting(yard) == 0, "everything is sent")
    process.kill()
    process.wait()

    assert alerts <= heard(yard)


def test_two_watchers_say_everything_once(yard: Yard):
    watchers = [yard.watcher(f"watch@here:{number}") for number in range(2)]
    alerts = {fail(yard, f"source-{number}") for number in range(5)}
    time.sleep(1.1)
    threads = [threading.Thread(target=watcher.round) for watcher in watchers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for watcher in watchers:
        watcher.finish_sending()

    said = [alert["id"] for heard in yard.ear.heard if heard.path == "/alerts" for alert in heard.json["alerts"]]
    assert sorted(said) == sorted(alerts)


def leader(yard: Yard) -> str:
    with yard.catalog.read() as session:
        return next(iter(session.scalars(select(WatchLease.owner))), "")


def test_another_watcher_evaluates_and_pings_when_the_leader_is_killed(yard: Yard):
    first = start(yard)
    eventually(lambda: "/ping/watcher" in yard.ear.paths(), "the first one has evaluated")
    assert leader(yard).endswith(f":{first.pid}")
    second = start(yard)
    first.kill()
    first.wait()
    yard.ear.heard.clear()
    with yard.catalog.begin() as session:
        # As if a schedule had stopped meanwhile, and the lease of the one that died had run out.
        session.execute(update(ExpectedRun).values(alert_after=utcnow(-1)))
        session.execute(update(WatchLease).values(until=utcnow(-1)))

    eventually(lambda: "level.missed" in yard.open_causes(), "the second one evaluates")
    eventually(lambda: {"/alerts", "/ping/watcher"} <= set(yard.ear.paths()), "and says so, inside and outside")
    second.send_signal(signal.SIGTERM)
    assert second.wait(30) == 0


def test_a_round_that_leads_pings_the_watchers_address(yard: Yard):
    watcher = yard.watcher()
    watcher.round()
    watcher.finish_sending()

    assert "/ping/watcher" in yard.ear.paths()


class TestCatalogAway:
    """What is kept in memory and said directly."""

    def away(self, yard: Yard) -> tuple[CatalogAway, HandClock]:
        clock = HandClock()
        return CatalogAway(Sender(yard.settings, yard.env, clock), 60.0), clock

    def test_people_hear_of_it_after_the_grace_and_once_an_hour(self, yard: Yard):
        away, clock = self.away(yard)
        clock.seconds = 59
        away.look()
        assert yard.ear.heard == []
        clock.seconds = 61
        away.look()
        away.look()
        clock.seconds = 3700
        away.look()

        titles = [heard.json["title"] for heard in yard.ear.heard]
        assert titles[0] == "[CRITICAL] The catalog does not answer"
        assert titles[1].startswith("[CRITICAL] Still failing, 2nd time: The catalog does not answer")
        assert len(titles) == 2

    def test_a_channel_that_does_not_take_it_is_tried_again(self, yard: Yard):
        away, clock = self.away(yard)
        yard.ear.mood = Mood.FAILS
        clock.seconds = 61
        away.look()
        yard.ear.mood = Mood.WELL
        away.look()
        clock.seconds = 72
        away.look()

        assert [heard.answered for heard in yard.ear.heard] == [False, True]

    def test_its_end_is_said_and_written_down(self, yard: Yard):
        away, clock = self.away(yard)
        clock.seconds = 61
        away.look()
        away.note_answer()
        with yard.catalog.begin() as session:
            away.settle(session, database_now(session))
        away.over()
        away.look()

        assert [heard.json["reason"] for heard in yard.ear.heard] == ["opened", "resolved"]
        assert yard.ear.heard[0].json["alerts"][0]["dedup_key"] == yard.ear.heard[1].json["alerts"][0]["dedup_key"]
        with yard.catalog.read() as session:
            [alert] = session.scalars(select(Alert)).all()
        assert (alert.cause, alert.state) == ("catalog.down", AlertState.RESOLVED)
        assert not away.is_known
