"""How long it took until people were told: a histogram that outlives the messages it was made of."""

from collections.abc import Mapping
from itertools import accumulate

from sqlalchemy.orm import Session

from strongroom.catalog.tallies import Counted, add_to_tally

LAG_BOUNDS = (5.0, 15.0, 60.0, 300.0)
"""Seconds. What is promised is one of them: 99 of 100 messages within 60."""

LATER = "later"
"""Over the last bound, or never."""


def note_lag(session: Session, channel: str, seconds: float, *, told: bool) -> None:
    """Count a message by how long it took to be told; one that was given up is within no bound."""
    seconds = max(0.0, seconds)
    bound = next((str(bound) for bound in LAG_BOUNDS if told and seconds <= bound), LATER)
    add_to_tally(session, Counted.DELIVERY_LAGS, channel, bound)
    add_to_tally(session, Counted.DELIVERY_LAG_MILLISECONDS, channel, times=round(seconds * 1000))


def lags_of(channel: str, tallies: Mapping[tuple[str, str, str], int]) -> tuple[list[int], int, float]:
    """Return how many messages were told within each bound, how many there are, and their seconds together."""
    found = [tallies.get((Counted.DELIVERY_LAGS, channel, str(bound)), 0) for bound in (*LAG_BOUNDS, LATER)]
    *within, count = accumulate(found)
    return within, count, tallies.get((Counted.DELIVERY_LAG_MILLISECONDS, channel, ""), 0) / 1000
