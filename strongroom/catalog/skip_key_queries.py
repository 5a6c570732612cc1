"""Spending, voiding and forgetting keys shared with peers."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    Connection,
    Integer,
    Row,
    bindparam,
    delete,
    exists,
    func,
    select,
    tuple_,
    update,
)
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from strongroom.catalog.base import UtcDateTime
from strongroom.catalog.inserting import insert_of
from strongroom.catalog.lineage import DatabaseLineage
from strongroom.catalog.skip_keys import KeyState, SealingKey, SkipKey, UnspentKey
from strongroom.catalog.skip_peers import SkipBoot, SkipEpoch

_AT_A_TIME = 500


class Among(FunctionElement[bool]):
    """Whether a column has one of the values that a query returns, which is asked once.

    PostgreSQL is told so, as an array: however old its statistics are it then finds each row by the index, and no plan
    asks twice, which would take more than the limit.
    """

    type = Boolean()
    inherit_cache = True


@compiles(Among, "postgresql")
def _among_array(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, query = element.clauses
    return f"{compiler.process(column, **options)} = ANY (ARRAY{compiler.process(query, **options)})"


@compiles(Among, "sqlite")
def _among_rows(element: Among, compiler: SQLCompiler, **options: Any) -> str:
    column, query = element.clauses
    return f"{compiler.process(column, **options)} IN {compiler.process(query, **options)}"


@dataclass(frozen=True, slots=True)
class Spent:
    """What was in the row of a key when it was deleted."""

    origin: str
    key_id: str
    peer: str
    size_bits: int
    sealing_key_id: uuid.UUID
    sealed: bytes = field(repr=False)


_SPENT = (
    UnspentKey.origin,
    UnspentKey.key_id,
    UnspentKey.peer,
    UnspentKey.size_bits,
    UnspentKey.sealing_key_id,
    UnspentKey.sealed,
)
_ALIVE = UnspentKey.expires_at > bindparam("now", type_=UtcDateTime())
# In the statement that spends: a database that was restored, or a standby that took over, gives nothing until what is
# in it was voided, because it may hold keys that were given already.
_SAME_DATABASE = exists().where(SkipBoot.lineage == DatabaseLineage())

_OLDEST_POOLED = (
    select(UnspentKey.key_id)
    .where(
        UnspentKey.peer == bindparam("peer"),
        UnspentKey.state == KeyState.SYNCED,
        UnspentKey.size_bits == bindparam("size_bits"),
        _ALIVE,
        UnspentKey.origin == bindparam("origin"),
    )
    .order_by(UnspentKey.expires_at)
    .limit(bindparam("most", type_=Integer()))
    .with_for_update(skip_locked=True)
    .scalar_subquery()
)
_SPEND_POOLED = (
    delete(UnspentKey)
    .where(
        UnspentKey.origin == bindparam("origin"),
        Among(UnspentKey.key_id, _OLDEST_POOLED),
        _SAME_DATABASE,
    )
    .returning(*_SPENT)
    .execution_options(synchronize_session=False)
)
_SPEND = (
    delete(UnspentKey)
    .where(
        UnspentKey.origin == bindparam("origin"),
        UnspentKey.key_id == bindparam("key_id"),
        UnspentKey.state == bindparam("state", type_=UnspentKey.state.type),
        _ALIVE,
        _SAME_DATABASE,
    )
    .returning(*_SPENT)
    .execution_options(synchronize_session=False)
)


@dataclass(frozen=True, slots=True)
class Pooled:
    """Which keys of ours may be taken for each other: those of one size that one peer has confirmed."""

    origin: str
    peer: str
    size_bits: int


def spend_pooled(connection: Connection, pooled: Pooled, *, most: int, now: datetime) -> list[Spent]:
    """Take the oldest keys, `most` at most, in one statement; two that ask at once get different ones."""
    parameters = {"origin": pooled.origin, "peer": pooled.peer, "size_bits": pooled.size_bits, "most": most, "now": now}
    return [Spent(*row) for row in connection.execute(_SPEND_POOLED, parameters)]


def spend(connection: Connection, *, origin: str, key_id: str, state: KeyState, now: datetime) -> Spent | None:
    """Take one key, in one statement: of any number that ask for it, one gets it."""
    parameters = {"origin": origin, "key_id": key_id, "state": state, "now": now}
    return _spent(connection.execute(_SPEND, parameters).one_or_none())


def find_key_state(session: Session, origin: str, key_id: str) -> KeyState | None:
    """Return where a key stands, None where there is no such key or it was forgotten."""
    joined = (UnspentKey.origin == SkipKey.origin) & (UnspentKey.key_id == SkipKey.key_id)
    query = select(SkipKey.ended, UnspentKey.state).outerjoin(UnspentKey, joined)
    row = session.execute(query.where(SkipKey.origin == origin, SkipKey.key_id == key_id)).one_or_none()
    return None if row is None else row.ended or row.state or KeyState.DELIVERED


def add_new(session: Session, keys: Sequence[SkipKey]) -> set[str]:
    """Write rows of one origin unless there are any of these ids; return the ids that are new."""
    insert = insert_of(session)
    # In one order, so that two transactions with the same ids wait for each other instead of both.
    rows = [
        {
            "origin": key.origin,
            "key_id": key.key_id,
            "peer": key.peer,
            "sealing_key_id": key.sealing_key_id,
            "fingerprint": key.fingerprint,
            "ended": key.ended,
            "forget_at": key.forget_at,
        }
        for key in sorted(keys, key=lambda key: key.key_id)
    ]
    if not rows:
        return set()
    # The rows apart from the statement: one with all of them in it would be put together anew each time.
    added = insert(SkipKey).on_conflict_do_nothing().returning(SkipKey.key_id)
    return set(session.scalars(added, rows))


def end(session: Session, as_what: KeyState, *conditions: ColumnElement[bool]) -> list[tuple[str, str]]:
    """Make the unspent keys that fit void or expired; return origin and id of each."""
    gone = delete(UnspentKey).where(*conditions).returning(UnspentKey.origin, UnspentKey.key_id)
    ended = [(origin, key_id) for origin, key_id in session.execute(gone)]
    for some in _chunks(sorted(ended)):
        mark = update(SkipKey).where(tuple_(SkipKey.origin, SkipKey.key_id).in_(some)).values(ended=as_what)
        session.execute(mark.execution_options(synchronize_session=False))
    return ended


def end_everything(session: Session) -> int:
    """Void every key, and shred what they were sealed with; return how many were unspent."""
    # First of all, so that nobody seals with them meanwhile.
    session.execute(select(SealingKey.id).with_for_update())
    ended = end(session, KeyState.VOID)
    session.execute(delete(SkipEpoch))
    session.execute(delete(SealingKey))
    return len(ended)


def forget(session: Session, now: datetime) -> int:
    """Delete tombstones that no message can run into any more; return how many."""
    unspent = exists().where(UnspentKey.origin == SkipKey.origin, UnspentKey.key_id == SkipKey.key_id)
    gone = delete(SkipKey).where(SkipKey.forget_at <= now, ~unspent).returning(SkipKey.key_id)
    return len(session.scalars(gone.execution_options(synchronize_session=False)).all())


def count_keys(session: Session, now: datetime) -> Sequence[Row[tuple[str, KeyState, int, int]]]:
    """Return how many unspent keys there are, by peer, state and size in bits."""
    by = (UnspentKey.peer, UnspentKey.state, UnspentKey.size_bits)
    return session.execute(select(*by, func.count()).where(UnspentKey.expires_at > now).group_by(*by)).all()


def count_known(session: Session, peer: str) -> int:
    """Return how many ids of keys shared with a peer are kept, of spent ones too."""
    return session.scalar(select(func.count()).select_from(SkipKey).where(SkipKey.peer == peer)) or 0


def count_held(session: Session, peer: str) -> int:
    """Return how many keys of a peer wait to be asked for."""
    held = (UnspentKey.peer == peer, UnspentKey.state == KeyState.HELD)
    return session.scalar(select(func.count()).select_from(UnspentKey).where(*held)) or 0


def count_remembered(session: Session, origin: str) -> int:
    """Return how many keys of one maker are known, those that have ended too."""
    return session.scalar(select(func.count()).select_from(SkipKey).where(SkipKey.origin == origin)) or 0


def _spent(row: Row[tuple[str, str, str, int, uuid.UUID, bytes]] | None) -> Spent | None:
    return None if row is None else Spent(*row)


def _chunks(keys: list[tuple[str, str]]) -> Iterator[list[tuple[str, str]]]:
    for start in range(0, len(keys), _AT_A_TIME):
        yield keys[start : start + _AT_A_TIME]
