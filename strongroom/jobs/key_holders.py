"""Which processes hold which keys of encrypted columns: so that none meets a token of a version it does not know."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from strongroom.catalog.column_keys import ColumnKeyHolder
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.inserting import insert_of
from strongroom.columnkeys.ring import READABLE, KeyRing, KeyVersion

LIVE_SECONDS = 60.0
"""Silence after which a process counts as gone when a version is made active; awake again, it looks for the version."""
RETIRED_SECONDS = 600.0
"""Silence after which a process counts as gone when a key is destroyed, which nothing can undo."""


@dataclass(frozen=True, slots=True)
class HolderIdentity:
    """A process as it calls itself; the name is unique among the processes of all applications."""

    name: str
    host: str
    pid: int
    started_at: datetime


def record_holding(session: Session, holder: HolderIdentity, ring: KeyRing | None) -> None:
    """Write down which ring a process holds now, by the database's clock; None before it has one."""
    insert = insert_of(session)
    latest = {
        "ring": ring.fingerprint() if ring else None,
        "active": ring.active if ring else None,
        "versions": _readable(ring) if ring else None,
        "host": holder.host,
        "pid": holder.pid,
        "started_at": holder.started_at,
        "beat_at": utcnow(),
    }
    statement = insert(ColumnKeyHolder).values(name=holder.name, **latest)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=latest))


def list_holders(session: Session, *, within_seconds: float) -> Sequence[ColumnKeyHolder]:
    """Return the processes that gave a sign of life lately, by name."""
    query = select(ColumnKeyHolder).where(ColumnKeyHolder.beat_at > utcnow(-within_seconds))
    return session.scalars(query.order_by(ColumnKeyHolder.name)).all()


def list_not_knowing(session: Session, version: KeyVersion) -> list[str]:
    """Return the live processes that could not read a token of this version, by name."""
    holders = list_holders(session, within_seconds=LIVE_SECONDS)
    return [holder.name for holder in holders if not _knows(holder, version)]


def list_writing(session: Session, version: str) -> list[str]:
    """Return the processes that may still write under a version, by name; one that has yet to load counts."""
    holders = list_holders(session, within_seconds=RETIRED_SECONDS)
    return [holder.name for holder in holders if holder.active in {None, version}]


def list_contradicting(session: Session, ring: KeyRing) -> list[str]:
    """Say which process reads a version under a key that a ring lacks or has another of; a disabled one is there."""
    ours = {name: version.check_token() for name, version in ring.versions.items() if version.key}
    return [
        f"{holder.name} has another key of {name}" if name in ours else f"{holder.name} has {name}, which is not there"
        for holder in list_holders(session, within_seconds=RETIRED_SECONDS)
        for name, token in sorted((holder.versions or {}).items())
        if ours.get(name) != token
    ]


def forget_holder(session: Session, name: str) -> None:
    """Drop a process that ended in order."""
    session.execute(delete(ColumnKeyHolder).where(ColumnKeyHolder.name == name))


def forget_silent_holders(session: Session, *, after_seconds: float) -> None:
    """Drop the processes that have been silent for longer."""
    session.execute(delete(ColumnKeyHolder).where(ColumnKeyHolder.beat_at < utcnow(-after_seconds)))


def _readable(ring: KeyRing) -> dict[str, str]:
    return {name: version.check_token() for name, version in ring.versions.items() if version.state in READABLE}


def _knows(holder: ColumnKeyHolder, version: KeyVersion) -> bool:
    return (holder.versions or {}).get(version.name) == version.check_token()
