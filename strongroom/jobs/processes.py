"""Signs of life of workers, of the scheduler and of the API. One that hangs gives none."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from strongroom.alerts.ticks import note_tick
from strongroom.catalog.dbtime import database_now, utcnow
from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.inserting import insert_of


class ProcessKind(StrEnum):
    """What a process is for."""

    API = "api"
    WORKER = "worker"
    SCHEDULER = "scheduler"
    WATCHER = "watcher"


@dataclass(frozen=True, slots=True)
class ProcessIdentity:
    """A process as it calls itself; the name is unique among the processes of an installation."""

    name: str
    kind: ProcessKind
    host: str
    pid: int
    started_at: datetime
    queues: tuple[str, ...] = ()
    """What a worker takes jobs from."""


TICKS = "jobs.dispatch"
"""The tick that shows the whole way to be open: Beat, the broker, a worker and the catalog."""


def record_tick(session: Session) -> None:
    """Write down that a tick came through, by the database's clock."""
    note_tick(session, TICKS, database_now(session))


def record_heartbeat(session: Session, process: ProcessIdentity) -> None:
    """Write down that the process is alive now, by the database's clock."""
    insert = insert_of(session)
    latest = {
        "kind": process.kind.value,
        "host": process.host,
        "pid": process.pid,
        "started_at": process.started_at,
        "beat_at": utcnow(),
        "queues": ",".join(process.queues)[:200] or None,
    }
    statement = insert(Heartbeat).values(name=process.name, **latest)
    session.execute(statement.on_conflict_do_update(index_elements=["name"], set_=latest))


def list_alive(session: Session, *, within_seconds: float, kind: ProcessKind | None = None) -> Sequence[Heartbeat]:
    """Return the processes, or those of a kind, that gave a sign of life lately, by name."""
    # A sign from the future was given before the clock of the database was set back.
    query = select(Heartbeat).where(Heartbeat.beat_at > utcnow(-within_seconds), Heartbeat.beat_at <= utcnow(1))
    query = query.order_by(Heartbeat.name)
    if kind is not None:
        query = query.where(Heartbeat.kind == kind)
    return session.scalars(query).all()


def count_alive(session: Session, kind: ProcessKind, *, within_seconds: float) -> int:
    """Return how many processes of a kind gave a sign of life lately."""
    return sum(heartbeat.kind == kind for heartbeat in list_alive(session, within_seconds=within_seconds))


def forget_process(session: Session, name: str) -> None:
    """Drop a process that ended in order."""
    session.execute(delete(Heartbeat).where(Heartbeat.name == name))


def forget_silent(session: Session, *, after_seconds: float) -> int:
    """Drop the processes that have been silent for longer, and return how many there were."""
    silent = delete(Heartbeat).where(Heartbeat.beat_at < utcnow(-after_seconds)).returning(Heartbeat.name)
    return len(session.scalars(silent).all())
