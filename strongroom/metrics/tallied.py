"""Counters that the catalog keeps as tallies."""

from collections.abc import Iterable, Mapping

from strongroom.catalog.tallies import Counted
from strongroom.metrics.definition import Labels

Tallies = Mapping[tuple[str, str, str], int]
"""As `read_tallies` returns them."""


def tallied(tallies: Tallies, counted: Counted, always: Iterable[Labels], *, only: bool = True) -> dict[Labels, float]:
    """Return one counter by its labels; those in `always` are there from the start, with 0.

    Unless `only` is given up, what is not among them is left out: it belongs to something that is not configured.
    """
    values: dict[Labels, float] = dict.fromkeys(always, 0.0)
    width = max((len(labels) for labels in values), default=1)
    for (what, first, second), times in tallies.items():
        labels = (first, second)[:width]
        if what == counted and (labels in values or not only):
            values[labels] = values.get(labels, 0.0) + times
    return values
