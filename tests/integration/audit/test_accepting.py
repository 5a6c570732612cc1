"""An older catalog is put back: it shows until somebody says why, and what they said shows for ever."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from sqlalchemy import make_url

from strongroom.audit.acting import acting
from strongroom.audit.breaks import accept
from strongroom.audit.errors import AuditBrokenError, BreakChangedError, NothingToAcceptError
from strongroom.audit.findings import Flaw
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.audit.conftest import Opener
from tests.integration.audit.tampering import Intruder
from tests.integration.audit.test_heads import REGIONS, House
from tests.integration.audit.writing import ANA, Log

WHY = "catalog of Friday put back after the disk died"


class Backup:
    """A copy of the whole catalog, and a way to put it back where the catalog was."""

    def __init__(self, url: str, request: pytest.FixtureRequest) -> None:
        self._url = make_url(url)
        self._postgres: ScratchPostgres | None = None
        if self._url.get_backend_name() == "postgresql":
            self._postgres = request.getfixturevalue("postgres_server")

    def make(self) -> None:
        self._copy(str(self._url.database), self._kept)

    def put_back(self) -> None:
        self._copy(self._kept, str(self._url.database))

    def drop(self) -> None:
        if self._postgres is not None:
            self._postgres.drop_database(self._kept)

    @property
    def _kept(self) -> str:
        return f"{self._url.database}_kept"

    def _copy(self, source: str, target: str) -> None:
        if self._postgres is None:
            for rest in ("-wal", "-shm"):
                Path(target + rest).unlink(missing_ok=True)
            shutil.copy(source, target)
            return
        with self._postgres.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {target} WITH (FORCE)".encode())
            connection.execute(f"CREATE DATABASE {target} TEMPLATE {source}".encode())


@pytest.fixture
def backup(catalog_url: str, request: pytest.FixtureRequest) -> Iterator[Backup]:
    made = Backup(catalog_url, request)
    yield made
    made.drop()


@contextmanager
def closed(log: Log) -> Iterator[None]:
    """Have nobody use the catalog while it is copied."""
    log.catalog.close()
    yield


@pytest.fixture
def gone(opener: Opener, backup: Backup) -> House:
    """A log of ten rows, put back after two days in which it grew to twenty and the regions kept two heads."""
    house = House(opener())
    house.grow(10)
    house.keep()
    with closed(house.log):
        backup.make()
    for _ in range(2):
        house.clock.pass_by()
        house.grow(5)
        house.keep()
    with closed(house.log):
        backup.put_back()
    house.clock.pass_by()
    return replace(house, log=opener())


def newest(house: House) -> str:
    return house.audit().check_whole().lost[-1].name


def accept_all(house: House, head: str | None = None) -> None:
    with acting(ANA):
        accept(house.audit(), house.clock, head or newest(house), reason=WHY, by="ana")


def test_an_older_catalog_shows_every_day_and_no_head_of_it_is_kept(gone: House) -> None:
    assert gone.keep() == ()
    gone.clock.pass_by()
    assert gone.keep() == ()

    checked = gone.audit().check_whole()
    assert checked.finding is not None
    assert (checked.finding.flaw, checked.finding.sequence) == (Flaw.ROLLED_BACK, 11)
    assert [head.sequence for head in checked.lost] == [15, 20]
    assert gone.alerts() == ["audit.broken"]


def test_accepting_it_leaves_a_row_for_each_head_and_resolves_the_alert(gone: House) -> None:
    gone.keep()
    lost = gone.audit().check_whole().lost
    accept_all(gone)

    rows = [row for row in gone.log.rows() if row.action == "audit_break_accepted"]
    assert [(row.target, row.before_digest) for row in rows] == [(f"row {one.sequence}", one.mac.hex()) for one in lost]
    assert {(row.actor_name, row.reason, row.outcome) for row in rows} == {("ana", WHY, "done")}
    assert gone.alerts() == []


def test_what_was_accepted_is_named_by_every_check_and_nothing_is_broken(gone: House) -> None:
    accept_all(gone)
    assert gone.keep() == REGIONS

    for checked in (gone.audit().check_whole(), gone.audit().check_new()):
        checked.verify()
        said = checked.kept.acceptances.proven
        assert [(one.lost.sequence, one.by, one.reason) for one in said] == [(15, "ana", WHY), (20, "ana", WHY)]
    assert gone.audit().check_new().rows == 0


def test_the_log_may_outgrow_what_is_gone_before_and_after_it_is_accepted(gone: House) -> None:
    gone.grow(7)
    checked = gone.audit().check_whole()
    assert checked.finding is not None
    assert checked.finding.flaw in (Flaw.REWRITTEN, Flaw.ROLLED_BACK)
    accept_all(gone)
    gone.grow(10)

    assert gone.keep() == REGIONS
    gone.audit().check_whole().verify()


def test_going_back_once_more_shows_again(gone: House, opener: Opener, backup: Backup) -> None:
    accept_all(gone)
    gone.keep()
    with closed(gone.log):
        backup.put_back()
    again = replace(gone, log=opener())

    assert not again.audit().check_whole().kept.acceptances.proven
    assert [head.sequence for head in again.audit().check_whole().lost] == [12, 15, 20]


def test_cutting_off_what_came_after_the_acceptance_shows(gone: House) -> None:
    accept_all(gone)
    head = gone.log.head()
    gone.grow(4)
    gone.keep()
    intruder = Intruder(gone.log.catalog)
    intruder.remove(head.sequence + 1, 10**6)
    intruder.set_head(sequence=head.sequence, mac=head.mac, seal=head.seal)

    with pytest.raises(AuditBrokenError):
        gone.audit().check_whole().verify()


def test_anything_else_that_is_wrong_is_not_accepted_with_it(gone: House) -> None:
    head = newest(gone)
    Intruder(gone.log.catalog).edit(4, {"target": "another"})

    with pytest.raises(AuditBrokenError) as refused:
        accept_all(gone, head)
    assert refused.value.details["sequence"] == 4
    assert "audit_break_accepted" not in gone.log.actions()


def test_a_head_that_was_kept_meanwhile_is_not_accepted_unseen(gone: House) -> None:
    with pytest.raises(BreakChangedError):
        accept_all(gone, gone.audit().check_whole().lost[0].name)


def test_where_nothing_is_gone_nothing_can_be_accepted(gone: House) -> None:
    head = newest(gone)
    accept_all(gone)

    with pytest.raises(NothingToAcceptError):
        accept_all(gone, head)


@pytest.mark.parametrize("change", [{"before_digest": "ab" * 32}, {"target": "row 20"}, {"actor_name": "rui"}])
def test_a_row_that_was_made_to_accept_something_accepts_nothing(gone: House, change: dict[str, str]) -> None:
    accept_all(gone)
    first = next(row.sequence for row in gone.log.rows() if row.action == "audit_break_accepted")
    Intruder(gone.log.catalog).edit(first, change)

    checked = gone.audit().check_whole()
    assert any(f"Row {first} says" in stray for stray in checked.strays)
    with pytest.raises(AuditBrokenError):
        checked.verify()
    assert 15 in {name.sequence for name in checked.kept.found["eu"]}
