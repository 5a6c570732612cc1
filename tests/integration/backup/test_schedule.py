"""Sources back themselves up: once for each moment that is due, and once for all that were missed."""

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import select, update

from strongroom.backup.schedule import dispatch_due
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.catalog.schedules import ScheduleProgress
from strongroom.services import Services
from strongroom.settings.schedules import FilesScheduleSettings
from tests.integration.backup.conftest import House


def scheduled(house: House, **schedule: object) -> Services:
    """Return the services of an installation whose tree has this schedule."""
    settings = house.services.settings
    tree = settings.sources["tree"].model_copy(update={"schedule": FilesScheduleSettings.model_validate(schedule)})
    return dataclasses.replace(house.services, settings=settings.model_copy(update={"sources": {"tree": tree}}))


def lag(house: House, **behind: float) -> None:
    """Have the schedule followed only until some time ago."""
    moment = utcnow(-timedelta(**behind).total_seconds())
    with house.services.catalog.begin() as session:
        session.execute(update(ScheduleProgress).values(followed_until=moment))


def jobs(house: House) -> list[Job]:
    with house.services.catalog.read() as session:
        return list(session.scalars(select(Job).order_by(Job.id)))


@pytest.fixture
def services(small_house: House) -> Services:
    """The services of a schedule that has just been seen for the first time."""
    services = scheduled(small_house)
    assert dispatch_due(services) == []
    return services


def test_a_new_schedule_waits_for_its_first_moment(small_house: House, services: Services) -> None:
    assert dispatch_due(services) == []
    assert jobs(small_house) == []


def test_a_moment_that_is_due_makes_a_backup_job(small_house: House, services: Services) -> None:
    lag(small_house, hours=25)
    asked = dispatch_due(services)
    assert [(job.kind, job.source, job.state) for job in asked] == [("backup.run", "tree", JobState.QUEUED)]
    assert small_house.run(asked[0], services).state == JobState.SUCCEEDED


def test_missed_moments_are_caught_up_once(small_house: House, services: Services) -> None:
    lag(small_house, days=30)
    small_house.run(*dispatch_due(services), services)
    assert dispatch_due(services) == []
    assert len(jobs(small_house)) == 1


def test_a_source_whose_last_run_has_not_ended_is_not_asked_for_twice(small_house: House, services: Services) -> None:
    lag(small_house, days=2)
    waiting = dispatch_due(services)
    lag(small_house, days=2)
    assert dispatch_due(services) == []
    small_house.run(*waiting, services)
    with small_house.services.catalog.begin() as session:
        # A day passed: the job of the moment before has a key of its own.
        session.execute(update(Job).values(dedupe_key="schedule:tree:yesterday"))
    assert len(dispatch_due(services)) == 1


def test_a_clock_that_was_a_year_ahead_does_not_keep_the_source_from_being_backed_up(
    small_house: House, services: Services
) -> None:
    lag(small_house, days=-365)
    assert dispatch_due(services) == []
    with small_house.services.catalog.read() as session:
        progress = session.scalars(select(ScheduleProgress)).one()
        assert progress.followed_until <= session.scalars(select(utcnow())).one()
    lag(small_house, hours=25)
    assert len(dispatch_due(services)) == 1


def test_a_schedule_that_was_changed_begins_when_it_was_changed(small_house: House, services: Services) -> None:
    lag(small_house, days=2)
    assert dispatch_due(scheduled(small_house, incremental="0 2 * * *")) == []
    assert jobs(small_house) == []


def test_a_schedule_that_is_switched_off_asks_for_nothing(small_house: House, services: Services) -> None:
    lag(small_house, days=2)
    assert dispatch_due(scheduled(small_house, enabled=False)) == []


def test_ticks_at_the_same_time_make_one_job(small_house: House, services: Services) -> None:
    lag(small_house, days=2)
    with ThreadPoolExecutor(4) as threads:
        asked = list(threads.map(dispatch_due, [services] * 4))
    assert sum(len(found) for found in asked) == 1
    assert len(jobs(small_house)) == 1


def test_a_moment_that_was_asked_for_before_means_the_same_job(small_house: House, services: Services) -> None:
    lag(small_house, days=2)
    first = small_house.run(*dispatch_due(services), services)
    lag(small_house, days=2)
    assert [job.id for job in dispatch_due(services)] == [first.id]
