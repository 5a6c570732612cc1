"""Whatever is done to the rows, the head or both, a check says which row is the first that is wrong, and how."""

from datetime import timedelta
from typing import Any

import pytest

from strongroom.audit.acting import acting
from strongroom.audit.errors import AuditBrokenError
from strongroom.audit.events import AuditEvent, Outcome
from strongroom.audit.findings import Finding, Flaw
from strongroom.audit.recording import record
from strongroom.audit.rows import FIELDS
from strongroom.audit.verifying import AuditLog, KeptHeads, Span
from strongroom.audit.walking import BATCH
from strongroom.catalog.audit import AuditRow
from tests.integration.audit.tampering import Intruder
from tests.integration.audit.writing import ANA, Log

ROWS = 9
SAMPLE = (1, 5, ROWS)
OTHERS: dict[str, Any] = {"outcome": "refused", "actor_kind": "service", "mac": b"\x01" * 32}


@pytest.fixture
def filled(log: Log) -> Log:
    fill(log, ROWS)
    return log


def fill(log: Log, rows: int) -> None:
    with acting(ANA), log.catalog.begin() as session:
        for number in range(rows):
            record(session, AuditEvent("user_updated", f"row {number}", Outcome.DONE, "why", "a" * 64, "b" * 64))


def check(log: Log) -> Finding | None:
    return AuditLog(log.catalog, log.keys, {}).check_whole().finding


def test_a_log_that_nobody_touched_is_whole(filled: Log) -> None:
    checked = AuditLog(filled.catalog, filled.keys, {}).check_whole()

    assert (checked.finding, checked.rows) == (None, ROWS)
    checked.verify()


def test_an_empty_log_is_whole(log: Log) -> None:
    assert check(log) is None


def other(row: AuditRow, field: str) -> Any:
    if field == "at":
        return row.at + timedelta(microseconds=1)
    return OTHERS.get(field) or f"x{getattr(row, field)}"[:64]


@pytest.mark.parametrize("field", [*FIELDS[1:], "mac"])
def test_every_field_of_a_row_counts(filled: Log, field: str) -> None:
    intruder = Intruder(filled.catalog)
    for sequence in SAMPLE:
        row = filled.rows()[sequence - 1]
        was = getattr(row, field)
        intruder.edit(sequence, {field: other(row, field)})

        found = check(filled)

        assert found is not None
        assert found.sequence == sequence
        # Of the last row only the head knows.
        assert found.flaw is Flaw.EDITED or sequence == ROWS
        intruder.edit(sequence, {field: was})
        assert check(filled) is None


@pytest.mark.parametrize("first", [1, 4, ROWS - 1])
def test_a_row_that_was_removed_is_missed(filled: Log, first: int) -> None:
    Intruder(filled.catalog).remove(first, first)

    assert check(filled) == Finding(Flaw.REMOVED, first)


def test_a_row_that_was_removed_is_missed_where_the_rest_was_numbered_anew(filled: Log) -> None:
    intruder, last = Intruder(filled.catalog), filled.rows()[-1]
    intruder.remove(4, 4)
    intruder.renumber(5)
    intruder.set_head(sequence=ROWS - 1, mac=last.mac)

    found = check(filled)

    assert found is not None
    assert found.sequence == 4


@pytest.mark.parametrize(("one", "other"), [(4, 5), (1, ROWS), (2, 8)])
def test_rows_that_changed_places_are_found(filled: Log, one: int, other: int) -> None:
    Intruder(filled.catalog).swap(one, other)

    assert check(filled) == Finding(Flaw.SWAPPED, one)


def test_a_row_copied_from_elsewhere_is_found(filled: Log) -> None:
    rows = filled.rows()
    copied = {name: getattr(rows[2], name) for name in FIELDS[1:]} | {"mac": rows[2].mac}
    Intruder(filled.catalog).edit(7, copied)

    found = check(filled)

    assert found is not None
    assert found.sequence == 7


def hand_made(log: Log, sequence: int) -> dict[str, Any]:
    row = log.rows()[-1]
    return {name: getattr(row, name) for name in FIELDS} | {"sequence": sequence, "mac": row.mac}


def test_a_row_added_by_hand_is_found(filled: Log) -> None:
    Intruder(filled.catalog).append(hand_made(filled, ROWS + 1))

    assert check(filled) == Finding(Flaw.APPENDED, ROWS + 1)


@pytest.mark.parametrize("sequence", [0, -3])
def test_a_row_added_before_the_first_is_found(filled: Log, sequence: int) -> None:
    Intruder(filled.catalog).append(hand_made(filled, sequence))

    assert check(filled) == Finding(Flaw.FOREIGN, sequence)


def test_a_row_added_by_hand_is_found_where_the_head_was_moved_to_it(filled: Log) -> None:
    intruder = Intruder(filled.catalog)
    made = hand_made(filled, ROWS + 1)
    intruder.append(made)
    intruder.set_head(sequence=ROWS + 1, mac=made["mac"])

    assert check(filled) == Finding(Flaw.FOREIGN, ROWS + 1)


def test_a_tail_that_was_cut_off_is_missed(filled: Log) -> None:
    Intruder(filled.catalog).remove(7, ROWS)

    assert check(filled) == Finding(Flaw.CUT_OFF, 7)


def test_all_rows_cut_off_are_missed(filled: Log) -> None:
    Intruder(filled.catalog).remove(1, ROWS)

    assert check(filled) == Finding(Flaw.CUT_OFF, 1)


def test_a_head_put_back_by_hand_is_found(filled: Log) -> None:
    intruder, rows = Intruder(filled.catalog), filled.rows()
    intruder.remove(7, ROWS)
    intruder.set_head(sequence=6, mac=rows[5].mac)

    assert check(filled) == Finding(Flaw.HEAD_FORGED, 6)


@pytest.mark.parametrize("values", [{"seal": b"\x02" * 32}, {"mac": b"\x02" * 32}, {"sequence": ROWS - 1}])
def test_every_part_of_the_head_counts(filled: Log, values: dict[str, Any]) -> None:
    Intruder(filled.catalog).set_head(**values)

    assert check(filled) is not None


def test_a_log_without_its_head_is_broken(filled: Log) -> None:
    Intruder(filled.catalog).set_head(id=2)

    assert check(filled) == Finding(Flaw.HEAD_MISSING, 0)


def test_what_is_wrong_is_said_with_the_row_and_what_to_do(filled: Log) -> None:
    Intruder(filled.catalog).remove(4, 4)

    with pytest.raises(AuditBrokenError, match=r"Row 4 was removed.*docs/audit.md") as caught:
        AuditLog(filled.catalog, filled.keys, {}).check_whole().verify()

    assert caught.value.exit_code == 15


def test_rows_are_right_across_batches_and_spans(log: Log) -> None:
    fill(log, BATCH + 3)
    audit = AuditLog(log.catalog, log.keys, {})

    assert audit.check_whole().rows == BATCH + 3
    parts = audit.check(KeptHeads.read({}), (Span(1, 10), Span(BATCH - 1)))
    assert (parts.rows, parts.finding) == (10 + 5, None)
    Intruder(log.catalog).edit(BATCH, {"reason": "another"})
    assert audit.check(KeptHeads.read({}), (Span(1, 10), Span(BATCH - 1))).finding == Finding(Flaw.EDITED, BATCH)
    assert audit.check(KeptHeads.read({}), (Span(1, 10), Span(BATCH + 1))).finding is None
