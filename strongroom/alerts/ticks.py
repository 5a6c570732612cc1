"""Moments worth remembering: when something periodic happened last."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from strongroom.catalog.inserting import insert_of
from strongroom.catalog.watching import WatchTick


def note_tick(session: Session, name: str, now: datetime) -> None:
    """Write down that something happened now."""
    insert = insert_of(session)
    statement = insert(WatchTick).values(name=name, at=now)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_={"at": now}))


def find_tick(session: Session, name: str) -> datetime | None:
    """Return when it happened last, if it ever did."""
    tick = session.get(WatchTick, name, populate_existing=True)
    return None if tick is None else tick.at


def due_again(session: Session, name: str, every: timedelta, now: datetime) -> bool:
    """Say whether it is time again, and if so note it; the first time is one interval from now."""
    last = find_tick(session, name)
    if last is None:
        note_tick(session, name, now)
        return False
    if now - last < every:
        return False
    note_tick(session, name, now)
    return True
