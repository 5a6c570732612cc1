"""A table in SQLite: one writer, short transactions that take the write lock at once."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Engine

from strongroom.rotation.access import Census, Changes, Row, RowRefusedError, Strain
from strongroom.rotation.connecting import fault_of, translated_faults, unavailable
from strongroom.rotation.target import CurrentTokens, Target

SELECT = "SELECT {keys}, {column} FROM {table} WHERE {filled}{where} ORDER BY {keys} LIMIT ?"
UPDATE = "UPDATE {table} SET {column} = ? WHERE {same} AND {column} COLLATE BINARY = ?"
COUNT = "SELECT count(*) FROM {table} WHERE {filled}"
COUNT_VERSIONS = (
    "SELECT CASE WHEN instr({column}, ':') BETWEEN 2 AND 33 THEN substr({column}, 1, instr({column}, ':') - 1) END,"
    " count(*), sum({left}) FROM {table} WHERE {filled} GROUP BY 1"
)


class SqliteTable:
    """A table in SQLite, on two connections; see TableAccess."""

    parallel = False

    def __init__(self, engine: Engine, target: Target) -> None:
        self._engine, self._target = engine, target
        self._held: list[Any] = []
        self._written = 0
        self._reader, self._writer = self._connect(), self._connect()
        self._column = _quoted(target.column)
        self._words = {
            "table": ".".join(_quoted(part) for part in (target.schema, target.table) if part is not None),
            "column": self._column,
            "keys": ", ".join(map(_quoted, target.keys)),
            "same": " AND ".join(f"{_quoted(key)} = ?" for key in target.keys),
            "filled": f"{self._column} IS NOT NULL AND {self._column} <> ''",
        }

    def read(self, after: Sequence[Any] | None, upto: Sequence[Any] | None, limit: int) -> list[Row]:
        bounds = [self._bound(">", after), self._bound("<=", upto)]
        return self._fetch("".join(bounds), [*(after or ()), *(upto or ()), limit])

    def read_left(self, after: Sequence[Any] | None, current: CurrentTokens, limit: int) -> list[Row]:
        left, marks = self._left(current)
        return self._fetch(f"{self._bound('>', after)} AND {left}", [*(after or ()), *marks, limit])

    def start(self, changes: Changes) -> None:
        # There is no process but this one that could go on writing.
        self._written = self.write(changes, skip_locked=False)

    def finish(self) -> int:
        return self._written

    def write(self, changes: Changes, *, skip_locked: bool) -> int:
        statement = UPDATE.format(**self._words)
        rows = [(new, *key, old) for key, old, new in zip(changes.keys, changes.old, changes.new, strict=True)]
        with self._translated():
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                written = self._writer.executemany(statement, rows).rowcount
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
        return written

    def make_durable(self) -> None:
        """Do nothing: every transaction is as durable as the file's own settings make it."""

    def count(self) -> int:
        with self._translated():
            found = self._reader.execute(COUNT.format(**self._words)).fetchone()
        return int(found[0])

    def count_versions(self, current: CurrentTokens | None = None) -> Census:
        left, marks = ("0", list[Any]()) if current is None else self._left(current)
        query = COUNT_VERSIONS.format(left=left, **self._words)
        with self._translated():
            return Census.of(self._reader.execute(query, marks).fetchall())

    def list_writers(self) -> frozenset[str]:
        with self._translated():
            self._writer.execute("BEGIN IMMEDIATE")
            self._writer.execute("ROLLBACK")
        return frozenset()

    def split(self, pieces: int) -> list[Sequence[Any]]:
        # There is one writer at a time whatever the pieces.
        return []

    def measure_strain(self) -> Strain:
        return Strain()

    def vacuum(self, *, gently: bool) -> None:
        """Do nothing: SQLite uses free pages again by itself."""

    def close(self) -> None:
        for held in self._held:
            held.invalidate()
            held.close()
        self._held = []

    def _connect(self) -> sqlite3.Connection:
        with translated_faults(self._target.database):
            held = self._engine.connect()
        self._held.append(held)
        connection: sqlite3.Connection = held.connection.driver_connection  # type: ignore[assignment] # SQLAlchemy does not say which
        # A text that is not UTF-8 is a row to report, not the end of the work.
        connection.text_factory = lambda data: data.decode("utf-8", "surrogateescape")
        return connection

    def _left(self, current: CurrentTokens) -> tuple[str, list[Any]]:
        begins = f"substr({self._column}, 1, ?) = ?"
        but_not = current.but_not or ""
        marks = [len(current.begin), current.begin, current.but_not is not None, len(but_not), but_not]
        return f"(NOT {begins} OR (? AND {begins}))", marks

    def _bound(self, comparison: str, key: Sequence[Any] | None) -> str:
        if key is None:
            return ""
        marks = ", ".join("?" for _ in self._target.keys)
        return f" AND ({self._words['keys']}) {comparison} ({marks})"

    def _fetch(self, where: str, values: list[Any]) -> list[Row]:
        query = SELECT.format(where=where, **self._words)
        with self._translated():
            return self._reader.execute(query, values).fetchall()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:
            raise RowRefusedError from None
        except sqlite3.Error as error:
            raise fault_of(self._target.database, error) or unavailable(self._target.database, error) from None


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
