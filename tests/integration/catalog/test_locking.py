"""Rows that are locked are read anew: whoever was waited for has changed them meanwhile."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest
from sqlalchemy import select, update
from sqlalchemy.orm import Session

from strongroom.catalog.alert_messages import AlertChannel
from strongroom.catalog.engine import open_engine
from strongroom.catalog.inserting import lock_row
from strongroom.catalog.session import Catalog
from tests.integration.jobs.staging import until_somebody_waits

NAME = "mail"
NOON = datetime(2026, 5, 4, 12, tzinfo=UTC)


@pytest.fixture
def channels(postgres_catalog_url: str) -> Iterator[Catalog]:
    """A catalog with one row, on PostgreSQL: on SQLite nobody writes within the transaction of another."""
    catalog = Catalog(open_engine(postgres_catalog_url))
    with catalog.begin() as session:
        session.add(AlertChannel(name=NAME, since=NOON, failures=0))
    yield catalog
    catalog.close()


def fail_elsewhere(catalog: Catalog, times: int) -> None:
    with ThreadPoolExecutor(1) as pool:
        pool.submit(_fail, catalog, times).result()


def _fail(catalog: Catalog, times: int) -> None:
    with catalog.alone() as connection:
        connection.execute(update(AlertChannel).values(failures=times))


def by_query(session: Session) -> AlertChannel:
    return session.scalars(select(AlertChannel).where(AlertChannel.name == NAME).with_for_update()).one()


def by_key(session: Session) -> AlertChannel:
    return session.get_one(AlertChannel, NAME, with_for_update=True)


@pytest.mark.parametrize("lock", [by_query, by_key])
def test_what_was_read_before_is_read_again(channels: Catalog, lock: Callable[[Session], AlertChannel]) -> None:
    with channels.begin() as session:
        before = session.get_one(AlertChannel, NAME)
        fail_elsewhere(channels, 7)

        assert lock(session) is before
        assert before.failures == 7


@pytest.mark.parametrize("lock", [by_query, by_key])
def test_what_this_transaction_changed_itself_stays(channels: Catalog, lock: Callable[[Session], AlertChannel]) -> None:
    with channels.begin() as session:
        session.get_one(AlertChannel, NAME).failures = 3

        assert lock(session).failures == 3
    with channels.read() as session:
        assert session.get_one(AlertChannel, NAME).failures == 3


def test_of_two_that_make_a_row_at_once_the_second_gets_that_of_the_first(channels: Catalog) -> None:
    def make(failures: int) -> int:
        with channels.begin() as session:
            return lock_row(session, AlertChannel, "chat", name="chat", since=NOON, failures=failures).failures

    with ThreadPoolExecutor(1) as pool:
        with channels.begin() as session:
            lock_row(session, AlertChannel, "chat", name="chat", since=NOON, failures=1)
            second = pool.submit(make, 2)
            until_somebody_waits(channels)
        assert second.result() == 1
