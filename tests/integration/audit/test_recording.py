"""Rows are written in the transaction of the change: both happen, or neither does."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from strongroom.audit.acting import acting, describe
from strongroom.audit.errors import AuditBrokenError, AuditHeadMissingError
from strongroom.audit.events import AuditEvent, Outcome
from strongroom.audit.recording import record, record_alone
from strongroom.audit.rows import FIELDS, FIRST, mac_of, seal_of
from strongroom.purposekeys.keys import Purpose
from tests.integration.audit.conftest import Opener
from tests.integration.audit.tampering import Intruder
from tests.integration.audit.writing import ANA, CHANGE, Log


def test_a_row_says_who_did_what(log: Log) -> None:
    with acting(ANA), log.catalog.begin() as session:
        record(session, AuditEvent("user_updated", "bento", before="0" * 64, after="1" * 64))

    [row] = log.rows()
    assert (row.sequence, row.actor_kind, row.actor_id, row.actor_name) == (1, "operator", "0197f3c2", "ana")
    assert (row.address, row.operation, row.action, row.target) == (
        "192.0.2.1",
        "POST /v1/backups",
        "user_updated",
        "bento",
    )
    assert (row.outcome, row.request_id, row.trace_id) == ("done", "req-1", "f" * 32)
    assert (row.before_digest, row.after_digest) == ("0" * 64, "1" * 64)


def test_rows_are_chained_and_the_head_is_sealed(log: Log, opener: Opener) -> None:
    for number in range(3):
        record_alone(opener().catalog, AuditEvent("authz_fail", f"try {number}", Outcome.REFUSED))

    key, mac = log.keys.get(Purpose.AUDIT).reveal(), FIRST
    for row in log.rows():
        mac = mac_of(key, mac, [getattr(row, field) for field in FIELDS])
        assert row.mac == mac
    head = log.head()
    assert (head.sequence, head.mac, head.seal) == (3, mac, seal_of(key, head.chain, 3, mac))


def test_a_change_that_is_rolled_back_leaves_no_row(log: Log) -> None:
    def fail() -> None:
        with acting(ANA), log.catalog.begin() as session:
            record(session, AuditEvent("user_updated", "bento"))
            raise LookupError

    with pytest.raises(LookupError):
        fail()

    assert log.rows() == []
    assert log.head().sequence == 0


def test_a_change_whose_row_cannot_be_written_does_not_happen(log: Log) -> None:
    with log.catalog.begin() as session:
        session.execute(text("ALTER TABLE audit_log RENAME TO audit_log_away"))

    with pytest.raises(Exception, match="audit_log"), acting(ANA):
        log.change()

    assert log.changes() == 0


def test_without_a_head_nothing_is_changed(log: Log) -> None:
    with log.catalog.begin() as session:
        if log.catalog.engine.dialect.name == "postgresql":
            session.execute(text("ALTER TABLE audit_head DISABLE TRIGGER audit_head_stays"))
        else:
            session.execute(text("DROP TRIGGER audit_head_stays"))
        session.execute(text("DELETE FROM audit_head"))

    with pytest.raises(AuditHeadMissingError), acting(ANA):
        log.change()

    assert log.changes() == 0


def test_a_row_that_somebody_added_by_hand_stops_every_change_and_is_named(log: Log) -> None:
    with acting(ANA):
        log.change("shop")
    last = log.rows()[-1]
    forged = {name: getattr(last, name) for name in FIELDS} | {"sequence": last.sequence + 1, "mac": last.mac}
    Intruder(log.catalog).append(forged)

    with pytest.raises(AuditBrokenError, match=f"row {last.sequence + 1}"), acting(ANA):
        log.change("crm")

    assert log.changes() == 1


def test_the_first_change_of_an_operation_has_a_row_of_its_own(log: Log) -> None:
    with acting(ANA):
        with log.catalog.begin():
            pass
        log.change("shop")
        log.change("crm")

    assert [(row.action, row.target) for row in log.rows()] == [("POST /v1/backups", "shop")]


def test_what_the_change_says_itself_is_enough(log: Log) -> None:
    with acting(ANA):
        with log.catalog.begin() as session:
            record(session, AuditEvent("user_created", "bento"))
            session.execute(CHANGE, {"source": "shop"})
        log.change("crm")

    assert log.actions() == ["user_created"]


def test_a_refusal_does_not_stand_for_the_change_that_follows_it(log: Log) -> None:
    with acting(ANA):
        record_alone(log.catalog, AuditEvent("authz_fail", outcome=Outcome.REFUSED))
        describe("crm")
        log.change()

    assert [(row.action, row.target) for row in log.rows()] == [("authz_fail", ""), ("POST /v1/backups", "crm")]


def test_a_commit_that_fails_leaves_the_row_to_the_next_try(log: Log) -> None:
    log.change("taken")
    with acting(ANA):
        with pytest.raises(DBAPIError):
            log.change("taken")
        log.change()

    assert log.actions() == ["POST /v1/backups"]


def test_nobody_owes_a_row_for_reading_or_without_an_operation(log: Log) -> None:
    log.change("a")
    with acting(type(ANA)(ANA.kind, ANA.id, ANA.name, operation="GET /v1/jobs")):
        log.change("b")

    assert log.rows() == []


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET target = 'x'", "DELETE FROM audit_log"])
def test_the_database_refuses_to_change_a_row(log: Log, statement: str) -> None:
    record_alone(log.catalog, AuditEvent("user_created", "bento"))

    with pytest.raises(DBAPIError, match="never"), log.catalog.begin() as session:
        session.execute(text(statement))

    assert [row.target for row in log.rows()] == ["bento"]


@pytest.mark.parametrize("statement", ["UPDATE audit_head SET sequence = 0", "DELETE FROM audit_head"])
def test_the_database_refuses_to_move_the_head_back(log: Log, statement: str) -> None:
    record_alone(log.catalog, AuditEvent("user_created", "bento"))

    with pytest.raises(DBAPIError, match=r"never|forward"), log.catalog.begin() as session:
        session.execute(text(statement))

    assert log.head().sequence == 1
