"""The epoch of one-time sessions: it ends when their Redis was restarted or replaced, and may have forgotten uses."""

from datetime import datetime

from sqlalchemy import Integer, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.inserting import insert_of

_ONLY = 1


class SessionEpoch(Base):
    """The epoch that lasts, and the run of the server it began with; one row, or none before the first session."""

    __tablename__ = "session_epoch"

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    name: Mapped[str] = mapped_column(String(16))
    """Random, so that no epoch comes back, not even after the catalog was restored."""
    server: Mapped[str] = mapped_column(String(64))
    began_at: Mapped[datetime] = mapped_column(UtcDateTime)


def begin_epoch(session: Session, *, server: str, name: str) -> str:
    """Return the epoch of a run of the server: the one that lasts if it is of this run, else a new one of this name.

    Of processes that meet the new run at the same time one begins the epoch, and all are given the same.
    """
    insert = insert_of(session)
    values = {"name": name, "server": server, "began_at": utcnow()}
    statement = insert(SessionEpoch).values(id=_ONLY, **values)
    session.execute(
        statement.on_conflict_do_update(index_elements=["id"], set_=values, where=SessionEpoch.server != server)
    )
    # The row is locked from here on where it was changed; where it was not, another process may change it at once, and
    # then this run of the server is not the newest any more: it gets an epoch that nobody else has.
    found = session.scalar(select(SessionEpoch.name).where(SessionEpoch.server == server).with_for_update())
    return found or name
