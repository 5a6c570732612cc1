"""A table in PostgreSQL: batches by keyset, written by one UPDATE that compares what it replaces.

Keys and tokens travel as two or three texts joined by commas, which PostgreSQL takes apart faster than arrays; tokens
have no comma, and keys that might travel as arrays. The comparison is of bytes, whatever the column's collation.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import psycopg
from psycopg import errors, sql
from sqlalchemy import Engine

from strongroom.rotation.access import Census, Changes, LockedError, Row, RowRefusedError, Strain, TooMuchError
from strongroom.rotation.connecting import fault_of, translated_faults, unavailable
from strongroom.rotation.sending import SentStatement
from strongroom.rotation.target import CurrentTokens, Target

LOCK_WAIT = "500ms"
STATEMENT_TIMEOUT = "30s"
VACUUM_PAUSE = "2ms"
APPLICATION = "strongroom re-encryption"
COUNTED_UP_TO = 5_000_000
SAMPLE_A_PIECE = 3000
MOST_SAMPLED = 300_000
LEFT = "(NOT starts_with({column}, %s) OR (%s AND starts_with({column}, %s)))"
PLAIN_TYPES = frozenset({"smallint", "integer", "bigint", "uuid"})
"""Types whose text has no comma."""

_ALL_ROWS = "SET row_security = off"
"""A policy that hides rows from the role is an error then, not a count that is too small."""

Connection = psycopg.Connection[tuple[Any, ...]]


class PostgresTable:
    """A table in PostgreSQL 12 or newer, on two connections; see TableAccess."""

    parallel = True

    def __init__(self, engine: Engine, target: Target) -> None:
        self._engine, self._target = engine, target
        self._held: list[Any] = []
        # Whatever a role or database has by default, make_durable is to wait for the disk.
        self._reader = self._connect(_ALL_ROWS, "SET statement_timeout = 0", "SET synchronous_commit = on")
        self._writer = self._connect(
            _ALL_ROWS,
            f"SET lock_timeout = '{LOCK_WAIT}'",
            f"SET statement_timeout = '{STATEMENT_TIMEOUT}'",
            # The disk is waited for before a cursor is recorded; see make_durable.
            "SET synchronous_commit = off",
            # A plan for the values at hand would be made anew for every batch, and for small tables be a worse one.
            "SET plan_cache_mode = force_generic_plan",
        )
        self._make_statements(self._key_types())

    def read(self, after: Sequence[Any] | None, upto: Sequence[Any] | None, limit: int) -> list[Row]:
        query = self._select[after is not None, upto is not None]
        with self._translated():
            return self._reader.execute(query, [*(after or ()), *(upto or ()), limit], binary=True).fetchall()

    def read_left(self, after: Sequence[Any] | None, current: CurrentTokens, limit: int) -> list[Row]:
        query = self._select_left[after is not None]
        with self._translated():
            return self._reader.execute(query, [*(after or ()), *_marks(current), limit], binary=True).fetchall()

    def start(self, changes: Changes) -> None:
        with self._translated():
            self._sending.start(self._texts(changes))

    def finish(self) -> int:
        with self._translated():
            return self._sending.finish()

    def write(self, changes: Changes, *, skip_locked: bool) -> int:
        with self._translated():
            statement = self._update_free if skip_locked else self._update
            return self._writer.execute(statement, self._texts(changes), prepare=skip_locked).rowcount

    def make_durable(self) -> None:
        with self._translated():
            # A transaction that wrote something to the log waits until that, and all log before it, is on the disk.
            self._reader.execute("SELECT pg_logical_emit_message(true, 'strongroom', '')")

    def count(self) -> int:
        with self._translated():
            estimate = self._reader.execute(
                "SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [self._name]
            ).fetchone()
            if estimate is not None and estimate[0] > COUNTED_UP_TO:
                return int(estimate[0])
            counted = self._reader.execute(self._sql("SELECT count(*) FROM {table} WHERE {filled}")).fetchone()
            return int(counted[0]) if counted else 0

    def count_versions(self, current: CurrentTokens | None = None) -> Census:
        text = _COUNT if current is None else _COUNT_LEFT
        query = self._sql(text, named=self._sql(_NAMED), left=self._sql(LEFT))
        marks = [] if current is None else [current.version, *_marks(current)]
        with self._translated():
            return Census.of(self._reader.execute(query, marks).fetchall())

    def list_writers(self) -> frozenset[str]:
        with self._translated():
            found = self._reader.execute(_WRITERS, {"table": self._name}).fetchall()
        return frozenset(str(transaction) for (transaction,) in found)

    def split(self, pieces: int) -> list[Sequence[Any]]:
        with self._translated():
            # Whole pages are sampled, so many rows say little more than one of them where keys are in order.
            wanted = min(MOST_SAMPLED, pieces * SAMPLE_A_PIECE)
            percent = min(100.0, 100.0 * wanted / max(1, self.count()))
            keys = self._reader.execute(self._sample, [percent]).fetchall()
        cuts = [keys[len(keys) * piece // pieces] for piece in range(1, pieces)] if keys else []
        return list(dict.fromkeys(cuts))

    def measure_strain(self) -> Strain:
        query = (
            "SELECT (SELECT coalesce(max(extract(epoch FROM replay_lag)), 0)::float8 FROM pg_stat_replication),"
            " count(*) FILTER (WHERE wait_event_type = 'Lock'),"
            " count(*) FILTER (WHERE query_start > now() - interval '1 second' AND backend_type = 'client backend'"
            " AND application_name <> %s)"
            " FROM pg_stat_activity WHERE datname = current_database()"
        )
        with self._translated():
            found = self._reader.execute(query, [APPLICATION]).fetchone()
        return Strain(*found) if found else Strain()

    def vacuum(self, *, gently: bool) -> None:
        with self._translated():
            self._reader.execute("SELECT set_config('vacuum_cost_delay', %s, false)", [VACUUM_PAUSE if gently else "0"])
            # Cutting the end off the table would lock out everybody; the next pass needs the space anyway.
            self._reader.execute(self._sql("VACUUM (SKIP_LOCKED, TRUNCATE FALSE) {table}"))

    def close(self) -> None:
        for held in self._held:
            # Not given back to the pool: they carry settings of their own.
            held.invalidate()
            held.close()
        self._held = []

    def _texts(self, changes: Changes) -> list[Any]:
        columns = zip(*changes.keys, strict=True)
        keys = [render(column) for render, column in zip(self._renders, columns, strict=True)]
        return [*keys, ",".join(changes.old), ",".join(changes.new)]

    @property
    def _name(self) -> str:
        parts = [part for part in (self._target.schema, self._target.table) if part is not None]
        return sql.Identifier(*parts).as_string(None)

    def _connect(self, *settings: str) -> Connection:
        with translated_faults(self._target.database):
            held = self._engine.connect()
        self._held.append(held)
        connection: Connection = held.connection.driver_connection  # type: ignore[assignment] # SQLAlchemy does not say which
        with self._translated():
            connection.rollback()
            connection.autocommit = True
            for setting in (f"SET application_name = '{APPLICATION}'", *settings):
                connection.execute(setting.encode())
        return connection

    def _key_types(self) -> list[str]:
        # What format_type calls `character` would be of length one.
        query = (
            "SELECT attname, CASE WHEN atttypid = 'bpchar'::regtype THEN 'bpchar' ELSE format_type(atttypid, NULL) END"
            " FROM pg_attribute WHERE attrelid = %s::regclass AND attname = ANY(%s)"
        )
        with self._translated():
            types: dict[str, str] = dict(self._reader.execute(query, [self._name, list(self._target.keys)]).fetchall())
        return [types[key] for key in self._target.keys]

    def _make_statements(self, types: list[str]) -> None:
        # Type names come from the server's own catalog, quoted as it quotes them.
        casts = [sql.SQL(kind) for kind in types]
        read = sql.SQL(", ").join(map(_read, range(len(types)), self._target.keys, types))
        marks = sql.SQL(", ").join(sql.SQL("%s::{}").format(cast) for cast in casts)
        bounds = {
            (False, False): "",
            (True, False): " AND ({keys}) > ({marks})",
            (False, True): " AND ({keys}) <= ({marks})",
            (True, True): " AND ({keys}) > ({marks}) AND ({keys}) <= ({marks})",
        }
        head, tail = "SELECT {read}, {column} FROM {table} WHERE {filled}", " ORDER BY {keys} LIMIT %s"
        made = partial(self._sql, marks=marks, read=read)
        self._select = {given: made(head + bound + tail) for given, bound in bounds.items()}
        self._select_left = {given: made(f"{head}{bounds[given, False]} AND {LEFT}{tail}") for given in (False, True)}
        self._sample = made("SELECT {read} FROM {table} TABLESAMPLE SYSTEM (%s) ORDER BY {keys}")
        plain = [kind in PLAIN_TYPES for kind in types]
        self._renders: list[Callable[[Sequence[Any]], Any]] = [_joined if one else _listed for one in plain]
        arrays = sql.SQL(", ").join(
            sql.SQL("string_to_array(%s, ',')::{}[]" if one else "%s::text[]::{}[]").format(cast)
            for one, cast in zip(plain, casts, strict=True)
        )
        self._update = self._sql(_UPDATE, arrays=arrays)
        self._sending = SentStatement(self._writer, self._update)
        self._update_free = self._sql(_UPDATE_FREE, arrays=arrays)

    def _sql(self, text: str, **more: sql.Composable) -> sql.Composed:
        target = self._target
        column = sql.Identifier(target.column)
        comma = sql.SQL(", ")
        numbered = [sql.Identifier(f"key_{number}") for number in range(len(target.keys))]
        same = zip(target.keys, numbered, strict=True)
        return sql.SQL(text).format(
            table=sql.Identifier(*filter(None, (target.schema, target.table))),
            column=column,
            keys=comma.join(map(sql.Identifier, target.keys)),
            numbered=comma.join(numbered),
            same=sql.SQL(" AND ").join(
                sql.SQL("here.{} = coming.{}").format(sql.Identifier(key), number) for key, number in same
            ),
            filled=sql.SQL("{column} IS NOT NULL AND {column} <> ''").format(column=column),
            **more,
        )

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except errors.LockNotAvailable:
            raise LockedError from None
        except (errors.DeadlockDetected, errors.SerializationFailure, errors.QueryCanceled):
            raise TooMuchError from None
        except (psycopg.DataError, psycopg.IntegrityError, errors.RaiseException):
            raise RowRefusedError from None
        except psycopg.Error as error:
            fault = fault_of(self._target.database, error)
            if fault is None and not isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
                raise
            raise fault or unavailable(self._target.database, error) from None


_NAMED = "CASE WHEN strpos({column}, ':') BETWEEN 2 AND 33 THEN split_part({column}, ':', 1) END"
_COUNT = "SELECT {named}, count(*), 0 FROM {table} WHERE {filled} GROUP BY 1"
# How most tokens begin is known then, and looking at that costs a tenth of looking for the colon.
_COUNT_LEFT = """
SELECT CASE WHEN this THEN %s ELSE {named} END, count(*), count(*) FILTER (WHERE NOT this)
FROM {table}, LATERAL (SELECT NOT {left} AS this) AS up_to_date WHERE {filled} GROUP BY 1
"""
_WRITERS = """
SELECT virtualtransaction FROM pg_locks
WHERE locktype = 'relation' AND mode = 'RowExclusiveLock' AND granted
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND relation IN (
    SELECT %(table)s::regclass::oid UNION ALL SELECT relid::oid FROM pg_partition_tree(%(table)s::regclass)
)
"""
_UPDATE = """
UPDATE {table} AS here SET {column} = coming.fresh
FROM unnest({arrays}, string_to_array(%s, ','), string_to_array(%s, ',')) AS coming ({numbered}, old, fresh)
WHERE {same} AND here.{column} COLLATE "C" = coming.old
"""
_UPDATE_FREE = """
WITH coming AS MATERIALIZED (
    SELECT * FROM unnest({arrays}, string_to_array(%s, ','), string_to_array(%s, ',')) AS c ({numbered}, old, fresh)
), free AS MATERIALIZED (
    SELECT coming.* FROM coming JOIN {table} AS here ON {same} AND here.{column} COLLATE "C" = coming.old
    FOR NO KEY UPDATE OF here SKIP LOCKED
)
UPDATE {table} AS here SET {column} = coming.fresh FROM free AS coming
WHERE {same} AND here.{column} COLLATE "C" = coming.old
"""


def _read(number: int, key: str, kind: str) -> sql.Composable:
    """Return the column of a key as it is read: without what CHAR(n) is padded with, as no row id has it."""
    if kind != "bpchar":
        return sql.Identifier(key)
    # By its own name, rows would be put in the order of the text, for which there is no index.
    return sql.SQL("{}::text AS {}").format(sql.Identifier(key), sql.Identifier(f"key_{number}"))


def _joined(values: Sequence[Any]) -> str:
    return ",".join(map(str, values))


def _listed(values: Sequence[Any]) -> list[str]:
    return [str(value) for value in values]


def _marks(current: CurrentTokens) -> list[Any]:
    return [current.begin, current.but_not is not None, current.but_not or ""]
