"""What the watcher looks at: signs of life, runs that are missed or stuck, and who of several looks."""

from datetime import datetime, timedelta

import pytest
from sqlalchemy import select, update

from strongroom.catalog.dbtime import database_now, utcnow
from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.jobs import JobState
from strongroom.catalog.watching import ExpectedRun, WatchLease, WatchTick
from strongroom.jobs.processes import TICKS, ProcessKind, forget_process, record_tick
from strongroom.watch.leader import give_up_lease, hold_lease
from strongroom.watch.missed import look_for_missed, look_for_stuck
from strongroom.watch.signs import look_for_signs
from tests.integration.jobs.staging import at_once
from tests.integration.watch.conftest import NOON, Yard

SILENT = 60.0


def live(yard: Yard, *kinds: ProcessKind, seconds_ago: float = 1) -> None:
    with yard.catalog.begin() as session:
        for kind in kinds:
            beat = utcnow(-seconds_ago)
            session.merge(Heartbeat(name=kind.value, kind=kind, host="h", pid=1, started_at=NOON, beat_at=beat))


def tick(yard: Yard, seconds_ago: float = 0) -> None:
    with yard.catalog.begin() as session:
        record_tick(session)
        session.execute(update(WatchTick).where(WatchTick.name == TICKS).values(at=utcnow(-seconds_ago)))


def wait(yard: Yard, seconds: float) -> None:
    """Let everything that was noted be so many seconds older."""
    with yard.catalog.begin() as session:
        for noted in session.scalars(select(WatchTick)):
            noted.at -= timedelta(seconds=seconds)


def signs(yard: Yard) -> set[str]:
    with yard.catalog.begin() as session:
        look_for_signs(session, SILENT, database_now(session))
    return yard.open_causes()


def missed(yard: Yard, now: datetime) -> set[str]:
    with yard.catalog.begin() as session:
        look_for_missed(session, yard.settings, now)
        look_for_stuck(session, yard.settings, now)
    return yard.open_causes()


def due_at(yard: Yard) -> datetime:
    with yard.catalog.read() as session:
        return session.get_one(ExpectedRun, "shop").due_at


def test_all_is_well_while_everything_gives_signs(yard: Yard):
    live(yard, ProcessKind.WORKER, ProcessKind.SCHEDULER)
    tick(yard)

    assert signs(yard) == set()


@pytest.mark.parametrize(
    ("gone", "causes"),
    [
        (ProcessKind.SCHEDULER, {"beat.silent"}),
        (ProcessKind.WORKER, {"workers.silent"}),
    ],
)
def test_silence_opens_an_alert_and_a_sign_clears_it(yard: Yard, gone: ProcessKind, causes: set[str]):
    live(yard, ProcessKind.WORKER, ProcessKind.SCHEDULER)
    live(yard, gone, seconds_ago=61)
    tick(yard)
    assert signs(yard) == causes

    live(yard, gone)
    assert signs(yard) == set()


def test_a_way_that_nothing_comes_through_is_the_brokers(yard: Yard):
    live(yard, ProcessKind.WORKER, ProcessKind.SCHEDULER)
    tick(yard, seconds_ago=61)
    assert signs(yard) == {"broker.silent"}

    tick(yard)
    assert signs(yard) == set()


@pytest.mark.parametrize(
    ("kind", "cause"), [(ProcessKind.SCHEDULER, "beat.silent"), (ProcessKind.WORKER, "workers.silent")]
)
def test_a_restart_in_order_is_no_silence(yard: Yard, kind: ProcessKind, cause: str):
    live(yard, ProcessKind.WORKER, ProcessKind.SCHEDULER)
    tick(yard)
    signs(yard)
    with yard.catalog.begin() as session:
        forget_process(session, kind.value)
    assert signs(yard) == set()

    wait(yard, SILENT)
    tick(yard)
    assert signs(yard) == {cause}


def test_workers_that_were_killed_are_not_the_brokers_fault(yard: Yard):
    live(yard, ProcessKind.SCHEDULER)
    live(yard, ProcessKind.WORKER, seconds_ago=55)
    tick(yard, seconds_ago=61)

    assert signs(yard) == set()


def test_workers_that_are_back_have_time_for_their_first_tick(yard: Yard):
    live(yard, ProcessKind.SCHEDULER)
    tick(yard, seconds_ago=600)
    assert signs(yard) == {"workers.silent"}

    live(yard, ProcessKind.WORKER)
    assert signs(yard) == set()

    wait(yard, SILENT + 1)
    live(yard, ProcessKind.WORKER, ProcessKind.SCHEDULER)
    assert signs(yard) == {"broker.silent"}


def test_a_clock_that_is_set_back_makes_nothing_alive(yard: Yard):
    live(yard, ProcessKind.WORKER, ProcessKind.SCHEDULER)
    tick(yard)
    assert signs(yard) == set()
    live(yard, ProcessKind.SCHEDULER, seconds_ago=-7200)
    wait(yard, -7200)
    live(yard, ProcessKind.WORKER)
    tick(yard)

    assert signs(yard) == {"beat.silent"}


def test_a_leader_whose_lease_lies_far_ahead_is_replaced(yard: Yard):
    with yard.catalog.begin() as session:
        assert hold_lease(session, "watch-1")
        session.execute(update(WatchLease).values(until=utcnow(7200)))
    with yard.catalog.begin() as session:
        assert hold_lease(session, "watch-2"), "its clock was set back: no lease is that long"


def test_a_backup_that_does_not_begin_is_missed_after_its_grace(yard: Yard):
    assert missed(yard, NOON) == set()
    due = due_at(yard)
    assert due == datetime(2026, 5, 5, 1, tzinfo=NOON.tzinfo)
    assert missed(yard, due + timedelta(minutes=14, seconds=59)) == set()
    assert missed(yard, due + timedelta(minutes=15)) == {"level.missed"}


def test_a_backup_that_waits_for_a_worker_is_missed_too(yard: Yard):
    missed(yard, NOON)
    due = due_at(yard)
    yard.job(JobState.QUEUED, created=due + timedelta(seconds=5))

    assert missed(yard, due + timedelta(minutes=15)) == {"level.missed"}


@pytest.mark.parametrize("state", [JobState.SUCCEEDED, JobState.FAILED, JobState.DEAD, JobState.CANCELLED])
def test_a_backup_that_ended_was_not_missed_and_the_next_is_expected(yard: Yard, state: JobState):
    missed(yard, NOON)
    due = due_at(yard)
    missed(yard, due + timedelta(minutes=20))
    yard.job(state, created=due + timedelta(minutes=21))

    assert missed(yard, due + timedelta(minutes=30)) == set()
    assert due_at(yard) == due + timedelta(days=1)


def test_a_backup_that_runs_is_neither_missed_nor_done(yard: Yard):
    missed(yard, NOON)
    due = due_at(yard)
    yard.job(JobState.RUNNING, created=due + timedelta(seconds=5))

    assert missed(yard, due + timedelta(minutes=16)) == set()
    assert due_at(yard) == due


def test_every_moment_is_watched_though_the_grace_is_longer_than_the_time_between_them(yard: Yard):
    source = yard.settings.sources["shop"]
    hourly = source.schedule.model_copy(update={"incremental": "0 * * * *"})
    yard.settings.sources["shop"] = source.model_copy(update={"schedule": hourly})
    for number in range(3):
        yard.job(JobState.SUCCEEDED, created=NOON - timedelta(hours=9 - number), seconds=3000)
    missed(yard, NOON)
    first = due_at(yard)
    yard.job(JobState.SUCCEEDED, created=first + timedelta(seconds=5), seconds=3000)
    grace = timedelta(seconds=6000)

    assert missed(yard, first + grace) == set()
    second = first + timedelta(hours=1)
    assert due_at(yard) == second, "and not the one after the moment at which this was seen"
    assert missed(yard, second + grace) == {"level.missed"}


def test_a_run_that_lasts_past_the_next_moment_is_given_its_grace_from_its_end(yard: Yard):
    missed(yard, NOON)
    due = due_at(yard)
    ended = due + timedelta(days=1, minutes=30)
    yard.job(JobState.SUCCEEDED, created=due + timedelta(seconds=5), seconds=(ended - due).total_seconds() - 5)

    assert missed(yard, ended + timedelta(seconds=1)) == set()
    assert due_at(yard) == due + timedelta(days=1)
    with yard.catalog.read() as session:
        assert session.scalars(select(ExpectedRun.alert_after)).one() > ended + timedelta(minutes=15)


def test_the_grace_grows_with_how_long_backups_take(yard: Yard):
    for number in range(3):
        yard.job(JobState.SUCCEEDED, created=NOON - timedelta(days=number + 1), seconds=3600)
    missed(yard, NOON)
    due = due_at(yard)

    assert missed(yard, due + timedelta(minutes=119)) == set()
    assert missed(yard, due + timedelta(minutes=120)) == {"level.missed"}


def test_a_backup_that_does_not_end_is_stuck_after_twice_the_usual_time(yard: Yard):
    yard.job(JobState.SUCCEEDED, created=NOON - timedelta(days=1), seconds=1800)
    job = yard.job(JobState.RUNNING, created=NOON)

    assert missed(yard, NOON + timedelta(minutes=59)) == set()
    assert missed(yard, NOON + timedelta(minutes=61)) == {"level.stuck"}
    with yard.catalog.begin() as session:
        session.get_one(type(job), job.id).state = JobState.CANCELLED
        session.get_one(type(job), job.id).lease_until = None
    assert missed(yard, NOON + timedelta(minutes=62)) == set()


def test_the_first_backup_of_a_source_may_take_twice_what_is_expected(yard: Yard):
    yard.job(JobState.RUNNING, created=NOON)

    assert "level.stuck" not in missed(yard, NOON + timedelta(minutes=59))
    assert "level.stuck" in missed(yard, NOON + timedelta(minutes=61))


def test_a_changed_schedule_is_expected_anew(yard: Yard):
    missed(yard, NOON)
    with yard.catalog.begin() as session:
        session.execute(update(ExpectedRun).values(spec="other", alert_after=NOON, due_at=NOON))

    assert missed(yard, NOON + timedelta(hours=1)) == set()
    assert due_at(yard) > NOON


def test_one_of_several_leads_until_it_falls_silent(yard: Yard):
    def hold(number: int) -> bool:
        with yard.catalog.begin() as session:
            return hold_lease(session, f"watch-{number}")

    held = at_once(4, hold)
    assert held.count(True) == 1
    leader = held.index(True)
    assert hold(leader)
    with yard.catalog.begin() as session:
        session.execute(update(WatchLease).values(until=utcnow(-1)))
    assert hold(leader + 10)
    assert not hold(leader)
    with yard.catalog.begin() as session:
        give_up_lease(session, f"watch-{leader + 10}")
    assert hold(leader)
