"""Counts that grow for ever, of what leaves no row of its own, or one that is forgotten after a while."""

from enum import StrEnum

from sqlalchemy import BigInteger, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base
from strongroom.catalog.inserting import insert_of


class Counted(StrEnum):
    """What is counted; the comment names its two labels."""

    AUTH_ATTEMPTS = "auth_attempts"  # outcome, factor
    DELIVERIES = "alert_deliveries"  # channel, outcome
    DELIVERY_LAGS = "alert_delivery_lags"  # channel, the smallest bound of LAG_BOUNDS that holds it
    DELIVERY_LAG_MILLISECONDS = "alert_delivery_lag_ms"  # channel
    RETENTION_BLOCKED = "retention_blocked"  # policy
    SYNC_KEYS = "sync_keys"  # peer
    SYNC_ERRORS = "sync_errors"  # peer


class Tally(Base):
    """How often one thing happened, for all processes and over restarts."""

    __tablename__ = "tally"

    counted: Mapped[str] = mapped_column(String(32), primary_key=True)
    first: Mapped[str] = mapped_column(String(64), primary_key=True)
    second: Mapped[str] = mapped_column(String(64), primary_key=True)
    times: Mapped[int] = mapped_column(BigInteger)


def add_to_tally(session: Session, counted: Counted, first: str, second: str = "", *, times: int = 1) -> None:
    """Count something in the transaction in which it happens; the row stays locked until that ends.

    So it comes late in the transaction: everybody who counts the same waits.
    """
    if not times:
        return
    insert = insert_of(session)
    row = insert(Tally).values(counted=counted.value, first=first[:64], second=second[:64], times=times)
    more = {"times": Tally.times + row.excluded.times}
    session.execute(row.on_conflict_do_update(index_elements=["counted", "first", "second"], set_=more))


def read_tallies(session: Session) -> dict[tuple[str, str, str], int]:
    """Return every count, by what is counted and its labels."""
    rows = session.execute(select(Tally.counted, Tally.first, Tally.second, Tally.times))
    return {(counted, first, second): times for counted, first, second, times in rows}
