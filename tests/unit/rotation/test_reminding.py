"""The reminder of a column key whose period has ended."""

import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace

import pytest

from strongroom.catalog.engine import open_engine
from strongroom.catalog.reencryption import EncryptedColumn
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from strongroom.columnkeys.changes import first_ring, new_version
from strongroom.columnkeys.errors import KeyRingNotFoundError
from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.rotation.reminding import remind_of_period
from strongroom.services import Services


def ring_of_age(days: int) -> KeyRing:
    made = datetime.now(UTC) - timedelta(days=days)
    return first_ring(new_version("v3", KeyState.ACTIVE, made, os.urandom))


ServicesWith = Callable[[Callable[[], KeyRing]], Services]


@pytest.fixture
def services_with(sqlite_catalog_url: str) -> Iterator[ServicesWith]:
    settings = SimpleNamespace(column_keys=SimpleNamespace(period_days=90))
    catalog = Catalog(open_engine(sqlite_catalog_url))
    yield lambda ring: SimpleNamespace(settings=settings, clock=SystemClock(), catalog=catalog, open_ring=ring)
    catalog.close()


def test_a_key_that_has_served_its_period_is_named_in_the_log(services_with, caplog):
    assert remind_of_period(services_with(lambda: ring_of_age(91))) == "v3"
    assert "strongroom secrets rotate" in caplog.text


def test_a_key_that_has_encrypted_very_many_rows_is_named_with_the_column(services_with, caplog):
    services = services_with(lambda: ring_of_age(1))
    with services.catalog.begin() as session:
        column = {"target": {}, "registered_at": datetime.now(UTC), "counted_at": datetime.now(UTC)}
        session.add(EncryptedColumn(place="shop:few.a", rows_by_version={"v3": 2**30 - 1, "v2": 2**33}, **column))
    assert remind_of_period(services) is None
    with services.catalog.begin() as session:
        session.add(EncryptedColumn(place="shop:many.b", rows_by_version={"v3": 2**30}, **column))

    assert remind_of_period(services) == "v3"
    assert "column key v3 has encrypted very many rows of shop:many.b" in caplog.text
    assert "shop:few.a" not in caplog.text


def test_a_younger_key_and_an_installation_without_keys_are_passed_over(services_with, caplog):
    def none() -> KeyRing:
        raise KeyRingNotFoundError("There are none.", next_step="Make them.")

    assert remind_of_period(services_with(lambda: ring_of_age(89))) is None
    assert remind_of_period(services_with(none)) is None
    assert caplog.text == ""
