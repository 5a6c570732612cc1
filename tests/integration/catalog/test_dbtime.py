"""The database's clock is aware, precise, and compares with what is stored."""

from datetime import UTC, datetime, timedelta

from sqlalchemy import select, update

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.session import Catalog

HOUR = 3600.0


def read_time(catalog: Catalog, shift: float = 0.0) -> datetime:
    with catalog.read() as session:
        now = session.scalar(select(utcnow(shift)))
    assert now is not None
    return now


def test_the_time_is_aware_and_about_now(catalog: Catalog):
    now = read_time(catalog)

    assert now.tzinfo is UTC
    assert abs(now - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_shift_moves_it_both_ways(catalog: Catalog):
    assert read_time(catalog, -HOUR) < read_time(catalog) < read_time(catalog, HOUR)
    assert read_time(catalog, 0.25) - read_time(catalog, -HOUR) >= timedelta(seconds=HOUR)


def test_it_compares_with_stored_times(catalog: Catalog):
    for name, shift in (("past", -0.5), ("future", HOUR)):
        with catalog.begin() as session:
            heartbeat = {"kind": "worker", "host": "h", "pid": 1, "started_at": utcnow(), "beat_at": utcnow(shift)}
            session.add(Heartbeat(name=name, **heartbeat))

    with catalog.read() as session:
        assert session.scalars(select(Heartbeat.name).where(Heartbeat.beat_at <= utcnow())).all() == ["past"]


def test_a_time_written_by_a_process_compares_with_the_databases_own(catalog: Catalog):
    with catalog.begin() as session:
        session.add(Heartbeat(name="w", kind="worker", host="h", pid=1, started_at=utcnow(), beat_at=utcnow()))
    written = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
    with catalog.begin() as session:
        session.execute(update(Heartbeat).values(started_at=written))

    with catalog.read() as session:
        assert session.scalars(select(Heartbeat.started_at).where(Heartbeat.started_at < utcnow())).all() == [written]
