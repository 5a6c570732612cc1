"""What is done when a batch cannot be written as a whole."""

import pytest

from strongroom.rotation.access import Changes, LockedError, RowRefusedError, TooMuchError
from strongroom.rotation.errors import StatementTooSlowError
from strongroom.rotation.writing import finish_changes


class Table:
    """A table that holds rows by key, and misbehaves as told."""

    def __init__(self, rows, *, locked=(), refused=(), most=1000):
        self.rows, self.locked, self.refused, self.most = dict(rows), set(locked), set(refused), most
        self.sizes = []
        self.started = Changes()

    def start(self, changes):
        self.started = changes

    def finish(self):
        return self.write(self.started, skip_locked=False)

    def write(self, changes, *, skip_locked):
        self.sizes.append(len(changes))
        keys = [key[0] for key in changes.keys]
        if len(keys) > self.most:
            raise TooMuchError
        if self.locked & set(keys) and not skip_locked:
            raise LockedError
        if self.refused & set(keys):
            raise RowRefusedError
        written = 0
        for key, old, new in zip(keys, changes.old, changes.new, strict=True):
            if key not in self.locked and self.rows[key] == old:
                self.rows[key] = new
                written += 1
        return written


def write(table):
    changes = Changes([(key,) for key in range(8)], ["v1:old"] * 8, ["v2:new"] * 8)
    table.start(changes)
    return finish_changes(table, changes)


ROWS = dict.fromkeys(range(8), "v1:old")


def test_a_batch_is_one_transaction():
    table = Table(ROWS)

    assert (write(table).processed, table.sizes) == (8, [8])


def test_rows_that_changed_meanwhile_are_counted_and_kept():
    table = Table(ROWS | {3: "v1:theirs"})
    written = write(table)

    assert (written.processed, written.changed, table.rows[3]) == (7, 1, "v1:theirs")


def test_locked_rows_are_passed_over_in_a_second_try():
    table = Table(ROWS, locked={2, 5})
    written = write(table)

    assert (written.processed, written.changed, table.sizes) == (6, 2, [8, 8])


def test_a_batch_that_is_too_much_is_halved_until_it_passes():
    table = Table(ROWS, most=2)
    written = write(table)

    assert (written.processed, table.sizes) == (8, [8, 4, 2, 2, 4, 2, 2])


def test_a_single_row_that_is_too_much_is_an_error_that_says_so():
    with pytest.raises(StatementTooSlowError) as refused:
        write(Table(ROWS, most=0))
    assert refused.value.retryable


def test_refused_rows_are_singled_out():
    written = write(Table(ROWS, refused={1, 6}))

    assert written.processed == 6
    assert [(row.key, row.version, row.reason) for row in written.broken] == [
        ((1,), "v1", "rotation.refused_by_database"),
        ((6,), "v1", "rotation.refused_by_database"),
    ]
