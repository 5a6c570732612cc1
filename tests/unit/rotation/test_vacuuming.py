"""Vacuuming on the way: as often as asked, and never a reason to stop."""

from strongroom.rotation.access import TooMuchError
from strongroom.rotation.vacuuming import VacuumPacer


def run(vacuum, rows, *steps, replaced=0):
    pacer = VacuumPacer(vacuum, rows, replaced)
    for step in steps:
        pacer.after(step)


def test_it_vacuums_each_time_so_many_rows_were_replaced():
    done = []
    run(lambda: done.append(1), 100, *[30] * 14)

    assert len(done) == 3


def test_rows_of_earlier_ranges_count():
    done = []
    run(lambda: done.append(1), 100, 30, replaced=280)

    assert len(done) == 1


def test_nought_means_never():
    done = []
    run(lambda: done.append(1), 0, *[1_000_000] * 3)

    assert done == []


def test_a_vacuum_that_fails_is_logged(caplog):
    def fail() -> None:
        raise TooMuchError

    run(fail, 1, 1, 1)

    assert "was not vacuumed" in caplog.text
