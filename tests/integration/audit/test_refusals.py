"""Refusals that wait to be written down: whoever asks for all of them to be written gets all."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from sqlalchemy.orm import Session

from strongroom.audit.events import AuditAction, AuditEvent, Outcome
from strongroom.audit.refusals import MOST_AT_ONCE, MOST_KINDS, RefusalLog
from strongroom.catalog.audit import AuditRow
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from tests.integration.audit.writing import ANA, Log

REFUSED = AuditEvent(AuditAction.LOGIN_FAIL, "", Outcome.REFUSED, "token unknown")


class SlowCatalog:
    """A catalog in which a transaction goes on until it is let go."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.began, self.go = threading.Event(), threading.Event()

    @contextmanager
    def aside(self) -> Iterator[Session]:
        with self._catalog.aside() as session:
            yield session
            self.began.set()
            self.go.wait()


def test_whoever_has_them_written_waits_for_those_that_are_being_written(log: Log):
    slow = SlowCatalog(log.catalog)
    refusals = RefusalLog(slow, SystemClock(), together_seconds=0)
    refusals.add(REFUSED)
    assert slow.began.wait(60)

    flushing = threading.Thread(target=refusals.flush)
    flushing.start()
    flushing.join(0.2)
    assert flushing.is_alive()

    slow.go.set()
    flushing.join(60)
    assert not flushing.is_alive()


class Hands(SystemClock):
    """A clock whose hands tests move; nothing is written in the background while they stand."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
def refusals(log: Log, hands: Hands) -> Iterator[RefusalLog]:
    """Refusals that are written when a test says so."""
    made = RefusalLog(log.catalog, hands, together_seconds=3600)
    yield made
    made.close()


def of_target(number: int) -> AuditEvent:
    return AuditEvent(AuditAction.AUTHZ_FAIL, f"target {number}", Outcome.REFUSED, "access.permission_denied")


def times_of(row: AuditRow) -> int:
    counted = re.search(r"(\d+) times\Z", row.reason)
    return int(counted[1]) if counted else 1


def test_equal_refusals_of_many_requests_share_a_row_that_names_the_first(log: Log, refusals: RefusalLog):
    for number in range(7):
        refusals.add(REFUSED, replace(ANA, request_id=f"req-{number}"))
    refusals.add(REFUSED, replace(ANA, address="192.0.2.2"))
    assert refusals.flush()

    rows = log.rows()
    assert [(row.address, row.request_id, row.reason) for row in rows] == [
        ("192.0.2.1", "req-0", "token unknown, 7 times"),
        ("192.0.2.2", "req-1", "token unknown"),
    ]


def test_of_very_many_kinds_the_last_are_counted_without_address_and_target(log: Log, refusals: RefusalLog):
    for number in range(MOST_KINDS + 100):
        refusals.add(of_target(number), ANA)
    assert refusals.flush()

    *told_apart, together = log.rows()
    assert (len(told_apart), {times_of(row) for row in told_apart}) == (MOST_KINDS, {1})
    assert (together.target, together.address, together.actor_name, times_of(together)) == ("", "many", "", 100)


def test_what_waits_is_bounded_whatever_comes(log: Log, refusals: RefusalLog):
    for number in range(3 * MOST_KINDS):
        refusals.add(AuditEvent(f"kind {number}", "", Outcome.REFUSED), ANA)
    assert refusals.flush()
    refusals.close()

    rows = log.rows()
    assert sum(times_of(row) for row in rows) == 3 * MOST_KINDS
    assert len(rows) <= 2 * MOST_KINDS + 1


def test_a_process_writes_so_many_rows_at_once_and_then_one_in_two_seconds(
    log: Log, refusals: RefusalLog, hands: Hands
):
    for first in range(0, MOST_AT_ONCE + 100, 100):
        for number in range(first, first + 100):
            refusals.add(of_target(number), ANA)
        refusals.flush()
    assert len(log.rows()) == MOST_AT_ONCE

    refusals.flush()
    assert len(log.rows()) == MOST_AT_ONCE
    hands.seconds += 10
    refusals.flush()
    assert len(log.rows()) == MOST_AT_ONCE + 5


def test_what_waits_at_the_end_is_written_whatever_the_rate(log: Log, refusals: RefusalLog):
    for first in range(0, MOST_AT_ONCE + 100, 100):
        for number in range(first, first + 100):
            refusals.add(of_target(number), ANA)
        refusals.flush()
    refusals.close()

    assert {row.target for row in log.rows()} == {f"target {number}" for number in range(MOST_AT_ONCE + 100)}


def test_refusals_wait_while_the_catalog_takes_none_and_each_is_counted(log: Log, refusals: RefusalLog):
    refusals.add(REFUSED, ANA)
    with log.catalog.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE audit_head RENAME TO gone")
    assert not refusals.flush()
    refusals.add(REFUSED, ANA)
    assert not refusals.flush()
    with log.catalog.engine.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE gone RENAME TO audit_head")

    assert refusals.flush()
    assert [row.reason for row in log.rows()] == ["token unknown, 2 times"]


def test_a_long_reason_keeps_its_count(log: Log, refusals: RefusalLog):
    for _ in range(3):
        refusals.add(AuditEvent(AuditAction.AUTHZ_FAIL, "", Outcome.REFUSED, "x" * 500), ANA)
    refusals.flush()

    (row,) = log.rows()
    assert times_of(row) == 3


def test_what_comes_after_the_end_starts_nothing_in_the_background(log: Log, refusals: RefusalLog):
    refusals.close()
    before = set(threading.enumerate())
    refusals.add(REFUSED, ANA)

    assert set(threading.enumerate()) <= before
    refusals.close()
    assert len(log.rows()) == 1
