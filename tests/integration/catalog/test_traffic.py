"""How many processes use a region: each finds out about the others, and those that went away count no more."""

from sqlalchemy import update

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade
from strongroom.catalog.session import Catalog
from strongroom.catalog.traffic import REFRESH_SECONDS, RegionUse, TrafficShare
from strongroom.testing.postgres import ScratchPostgres
from tests.unit.storage.throttled import SleptClock


def share(catalog: Catalog, clock: SleptClock, process: str, region: str = "home") -> TrafficShare:
    return TrafficShare(catalog, clock, region=region, process=process)


def later(clock: SleptClock) -> None:
    clock.slept += REFRESH_SECONDS


def test_a_process_alone_has_the_region_to_itself(catalog: Catalog) -> None:
    assert share(catalog, SleptClock(), "a")() == 1


def test_processes_that_use_a_region_count_each_other(catalog: Catalog) -> None:
    clock = SleptClock()
    first, second, elsewhere = share(catalog, clock, "a"), share(catalog, clock, "b"), share(catalog, clock, "c", "far")
    assert [first(), second(), elsewhere()] == [1, 2, 1]
    later(clock)
    assert [first(), second(), elsewhere()] == [2, 2, 1]


def test_a_process_that_moves_nothing_any_more_counts_no_more(catalog: Catalog) -> None:
    clock = SleptClock()
    first, second = share(catalog, clock, "a"), share(catalog, clock, "b")
    assert [first(), second()] == [1, 2]
    with catalog.begin() as session:
        session.execute(update(RegionUse).where(RegionUse.process == "a").values(until=utcnow(-1)))
    later(clock)
    assert second() == 1


def test_the_catalog_is_asked_every_few_seconds_only(catalog: Catalog) -> None:
    clock = SleptClock()
    first, second = share(catalog, clock, "a"), share(catalog, clock, "b")
    assert [first(), second(), first()] == [1, 2, 1]


def test_what_was_known_last_holds_while_the_catalog_is_away(postgres_server: ScratchPostgres) -> None:
    postgres_server.create_database("traffic")
    catalog = Catalog(open_engine(postgres_server.url("traffic")))
    upgrade(catalog.engine)
    clock = SleptClock()
    first, second = share(catalog, clock, "a"), share(catalog, clock, "b")
    assert [first(), second()] == [1, 2]
    postgres_server.drop_database("traffic")
    later(clock)
    assert second() == 2
    catalog.close()
