"""Heads kept in regions: what the catalog's owner takes back still shows, and one region is enough."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from hashlib import sha256

import pytest
from sqlalchemy import select

from strongroom.alerts.acting import list_active
from strongroom.audit.findings import Finding, Flaw
from strongroom.audit.heads import PREFIX
from strongroom.audit.keeping import BROKEN, OTHER_CHAIN, PARTS, HeadKeeping
from strongroom.audit.verifying import AuditLog
from strongroom.catalog.alerts import Alert
from strongroom.catalog.audit import AuditHead
from strongroom.storage.errors import StoreUnavailableError
from strongroom.testing.stores import MemoryStore
from tests.integration.audit.tampering import Intruder
from tests.integration.audit.test_verifying import fill
from tests.integration.audit.writing import Log

REGIONS = ("eu", "us", "asia")


class Away(MemoryStore):
    """A region that does not answer."""

    def list(self, prefix: str):
        raise StoreUnavailableError("It is away.", next_step="Wait.")


@dataclass
class Days:
    """A clock that stands on a day."""

    today: datetime = datetime(2026, 11, 20, 3, tzinfo=UTC)

    def now(self) -> datetime:
        return self.today

    def monotonic(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError("nothing here waits")

    def pass_by(self) -> None:
        self.today += timedelta(days=1)


@dataclass
class House:
    """A log, its regions, and the daily check."""

    log: Log
    stores: dict[str, MemoryStore] = field(default_factory=lambda: {name: MemoryStore(name) for name in REGIONS})
    clock: Days = field(default_factory=Days)
    was: dict[int, AuditHead] = field(default_factory=dict)
    """The heads there were."""

    def audit(self) -> AuditLog:
        return AuditLog(self.log.catalog, self.log.keys, self.stores)

    def keep(self) -> tuple[str, ...]:
        return tuple(HeadKeeping(self.audit(), self.clock).keep())

    def kept(self, region: str = "eu") -> list[str]:
        return [key for key in self.stores[region].objects if key.startswith(PREFIX)]

    def alerts(self) -> list[str]:
        with self.log.catalog.read() as session:
            return [alert.cause for alert in list_active(session, limit=50)]

    def put_back(self, intruder: Intruder, to: int) -> None:
        """Put rows and head back to what they were when the log ended with a row."""
        head = self.was[to]
        intruder.remove(to + 1, 10**6)
        intruder.set_head(sequence=head.sequence, mac=head.mac, seal=head.seal)

    def grow(self, rows: int) -> None:
        fill(self.log, rows)
        head = self.log.head()
        self.was[head.sequence] = head


@pytest.fixture
def house(log: Log) -> House:
    house = House(log)
    house.grow(10)
    return house


def test_every_region_gets_the_head_once_a_day(house: House) -> None:
    assert house.keep() == REGIONS
    assert house.keep() == ()
    house.clock.pass_by()
    assert house.keep() == REGIONS
    assert [len(house.kept(region)) for region in REGIONS] == [2, 2, 2]


def test_a_region_that_was_away_gets_its_head_when_it_answers(house: House) -> None:
    here = house.stores["us"]
    house.stores["us"] = Away("us")
    assert house.keep() == ("eu", "asia")

    house.stores["us"] = here

    assert house.keep() == ("us",)


def test_a_log_put_back_to_an_earlier_end_is_found_by_any_one_region(house: House) -> None:
    house.grow(5)
    house.keep()
    house.put_back(Intruder(house.log.catalog), 10)
    house.stores["eu"].objects.clear()
    house.stores["us"] = Away("us")

    checked = house.audit().check_whole()

    assert checked.finding == Finding(Flaw.ROLLED_BACK, 11, "asia")
    assert list(checked.kept.away) == ["us"]


def test_without_a_region_that_kept_it_an_earlier_end_looks_right(house: House) -> None:
    house.grow(5)
    house.put_back(Intruder(house.log.catalog), 10)

    assert house.audit().check_whole().finding is None


def test_rows_written_anew_with_the_right_key_differ_from_what_regions_kept(house: House) -> None:
    house.keep()
    intruder = Intruder(house.log.catalog)
    intruder.remove(1, 10)
    intruder.set_head(sequence=0, mac=bytes(32), seal=b"")
    house.grow(12)

    assert house.audit().check_whole().finding == Finding(Flaw.REWRITTEN, 10, "eu")


def test_a_head_that_somebody_made_in_a_region_proves_nothing_and_is_told(house: House) -> None:
    house.keep()
    [key] = house.kept()
    chain = key.split("/")[2]
    house.stores["eu"].objects[f"{PREFIX}{chain}/{99:020}.20261120.{'ab' * 32}"] = house.stores["eu"].objects[key]
    house.stores["us"].objects[f"{PREFIX}{chain}/{98:020}.20261399.{'ab' * 32}"] = b"{}"
    house.stores["us"].objects[f"{PREFIX}readme"] = b"hello"

    checked = house.audit().check_whole()

    assert checked.finding is None
    assert len(checked.strays) == 2
    house.clock.pass_by()
    assert house.keep() == REGIONS


def test_a_broken_log_opens_an_alert_and_its_head_is_not_kept(house: House) -> None:
    house.keep()
    house.grow(5)
    Intruder(house.log.catalog).edit(12, {"target": "another"})
    house.clock.pass_by()

    assert house.keep() == ()
    assert house.keep() == ()

    assert house.alerts() == [BROKEN]
    assert len(house.kept()) == 1
    with house.log.catalog.read() as session:
        [alert] = session.scalars(select(Alert))
    assert (alert.severity.value, alert.count) == ("critical", 2)
    assert "Row 12" in alert.message


def test_a_log_without_its_head_opens_the_alert(house: House) -> None:
    house.keep()
    Intruder(house.log.catalog).set_head(id=2)

    assert house.keep() == ()
    assert house.alerts() == [BROKEN]


def test_old_rows_are_walked_over_again_within_a_week(house: House) -> None:
    house.keep()
    Intruder(house.log.catalog).edit(3, {"target": "another"})

    def found_today() -> bool:
        house.clock.pass_by()
        house.keep()
        return house.alerts() == [BROKEN]

    assert any(found_today() for _ in range(PARTS))


def test_new_rows_alone_are_checked_from_the_head_that_a_region_proves(house: House) -> None:
    house.keep()
    house.grow(5)

    checked = house.audit().check_new()

    assert (checked.rows, checked.finding) == (5, None)


def test_a_catalog_that_is_made_anew_is_told_of_once_by_each_region(house: House) -> None:
    for store in house.stores.values():
        store.create(f"{PREFIX}{'0c' * 16}/{7:020}.20261101.{'ab' * 32}", b"{}", sha256=sha256(b"{}").digest())

    assert house.keep() == REGIONS
    house.clock.pass_by()
    assert house.keep() == REGIONS

    assert house.alerts() == [OTHER_CHAIN] * 3
    with house.log.catalog.read() as session:
        assert set(session.scalars(select(Alert.count))) == {1}
