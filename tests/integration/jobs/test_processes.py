"""Processes give signs of life, by the database's clock."""

from sqlalchemy import select, update

from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.session import Catalog
from strongroom.jobs.processes import (
    ProcessIdentity,
    ProcessKind,
    forget_process,
    forget_silent,
    list_alive,
    record_heartbeat,
)
from tests.integration.jobs.staging import LONG_AGO, at_once


def beat(catalog: Catalog, name: str, pid: int = 1) -> None:
    with catalog.begin() as session:
        record_heartbeat(session, ProcessIdentity(name, ProcessKind.WORKER, "host", pid, LONG_AGO))


def silence(catalog: Catalog, name: str) -> None:
    with catalog.begin() as session:
        session.execute(update(Heartbeat).where(Heartbeat.name == name).values(beat_at=LONG_AGO))


def names(catalog: Catalog) -> list[str]:
    with catalog.read() as session:
        return [heartbeat.name for heartbeat in session.scalars(select(Heartbeat).order_by(Heartbeat.name))]


def alive(catalog: Catalog) -> list[str]:
    with catalog.read() as session:
        return [heartbeat.name for heartbeat in list_alive(session, within_seconds=60)]


def test_a_process_that_gave_a_sign_of_life_is_alive(catalog: Catalog):
    beat(catalog, "worker-1")

    assert alive(catalog) == ["worker-1"]


def test_a_process_that_went_silent_is_known_but_not_alive(catalog: Catalog):
    beat(catalog, "worker-1")
    silence(catalog, "worker-1")

    assert (names(catalog), alive(catalog)) == (["worker-1"], [])


def test_a_new_sign_of_life_replaces_the_last(catalog: Catalog):
    beat(catalog, "worker-1")
    silence(catalog, "worker-1")
    beat(catalog, "worker-1", pid=2)

    with catalog.read() as session:
        (heartbeat,) = session.scalars(select(Heartbeat))
    assert (heartbeat.pid, heartbeat.started_at) == (2, LONG_AGO)
    assert alive(catalog) == ["worker-1"]


def test_many_processes_may_beat_at_once(catalog: Catalog):
    at_once(8, lambda number: beat(catalog, f"worker-{number % 2}"))

    assert alive(catalog) == ["worker-0", "worker-1"]


def test_a_process_that_ended_is_forgotten(catalog: Catalog):
    beat(catalog, "worker-1")
    with catalog.begin() as session:
        forget_process(session, "worker-1")

    assert names(catalog) == []


def test_processes_silent_for_long_are_forgotten(catalog: Catalog):
    beat(catalog, "worker-1")
    beat(catalog, "worker-2")
    silence(catalog, "worker-1")

    with catalog.begin() as session:
        assert forget_silent(session, after_seconds=3600) == 1
    assert names(catalog) == ["worker-2"]
