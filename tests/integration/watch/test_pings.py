"""An address outside hears of every backup, and of the watcher."""

from datetime import timedelta

import pytest

from strongroom.alerts.http import HttpClient
from strongroom.alerts.network import Guard
from strongroom.catalog.jobs import JobState
from strongroom.watch.pings import EVALUATOR_EVERY_SECONDS, Pinger, note_told
from tests.integration.watch.conftest import NOON, Yard
from tests.services.loud import Mood


@pytest.fixture
def pinger(yard: Yard) -> Pinger:
    return Pinger(yard.settings.pings, HttpClient(Guard(["127.0.0.1/32"])), yard.env)


def tell(yard: Yard, pinger: Pinger, seconds: float = 1000.0) -> list[str]:
    """Plan and send once, and return the paths that were asked for by that."""
    before = len(yard.ear.heard)
    with yard.catalog.begin() as session:
        planned = pinger.plan(session, seconds)
    for ping in planned:
        if pinger.send(ping, seconds):
            note_told(yard.catalog, ping)
    return yard.ear.paths()[before:]


def change(yard: Yard, job: object, state: JobState, **more: object) -> None:
    with yard.catalog.begin() as session:
        found = session.get_one(type(job), job.id)  # type: ignore[attr-defined] # a job
        found.state, found.lease_until, found.finished_at = state, None, NOON
        for name, value in more.items():
            setattr(found, name, value)


def test_begin_and_end_are_told_once_with_the_run(yard: Yard, pinger: Pinger):
    job = yard.job(JobState.RUNNING, created=NOON)
    assert tell(yard, pinger) == ["/ping/shop/start"]
    assert tell(yard, pinger) == []
    change(yard, job, JobState.SUCCEEDED)

    assert tell(yard, pinger) == ["/ping/shop"]
    assert tell(yard, pinger) == []
    assert {heard.query["rid"] for heard in yard.ear.heard} == {str(job.id)}


@pytest.mark.parametrize(
    ("state", "error", "path"),
    [
        (JobState.FAILED, {"exit_code": 14, "message": "gone"}, "/ping/shop/14"),
        (JobState.DEAD, None, "/ping/shop/fail"),
        (JobState.CANCELLED, None, "/ping/shop/log"),
    ],
)
def test_how_it_ended_is_in_the_path(
    yard: Yard, pinger: Pinger, state: JobState, error: dict[str, object] | None, path: str
):
    yard.job(state, created=NOON, last_error=error)

    assert tell(yard, pinger) == [path]


def test_what_was_not_taken_is_told_later(yard: Yard, pinger: Pinger):
    yard.job(JobState.SUCCEEDED, created=NOON - timedelta(hours=1))
    yard.ear.mood = Mood.FAILS
    tell(yard, pinger)
    yard.ear.mood = Mood.WELL

    assert tell(yard, pinger) == [], "it is left alone for a while"
    assert tell(yard, pinger, 1031.0) == ["/ping/shop"]


def test_the_watcher_says_once_a_minute_that_it_looks_or_that_it_cannot(yard: Yard, pinger: Pinger):
    [well] = pinger.plan_evaluator(0.0, well=True)
    assert pinger.plan_evaluator(EVALUATOR_EVERY_SECONDS - 1, well=True) == []
    [ill] = pinger.plan_evaluator(EVALUATOR_EVERY_SECONDS, well=False)
    pinger.send(well, 0.0)
    pinger.send(ill, 0.0)

    assert yard.ear.paths() == ["/ping/watcher", "/ping/watcher/fail"]
    assert yard.ear.heard[0].query == {"key": "1"}
