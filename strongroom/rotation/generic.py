"""A table in any other database that SQLAlchemy knows, MySQL and MariaDB above all."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import (
    BINARY,
    Column,
    ColumnElement,
    Engine,
    MetaData,
    String,
    Table,
    and_,
    bindparam,
    case,
    cast,
    func,
    literal,
    not_,
    null,
    or_,
    select,
    tuple_,
    update,
)
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError

from strongroom.rotation.access import Census, Changes, LockedError, Row, RowRefusedError, Strain, TooMuchError
from strongroom.rotation.connecting import fault_of, translated_faults, unavailable
from strongroom.rotation.target import CurrentTokens, Target

LOCK_WAIT = 1205
DEADLOCK = 1213
TOO_SLOW = frozenset({1317, 1969, 3024})
"""MySQL and MariaDB: interrupted, or ended because it took too long."""


class GenericTable:
    """A table behind SQLAlchemy's own SQL, on pooled connections; see TableAccess.

    Texts are compared as bytes, because a collation may take two different tokens for the same.
    """

    parallel = True

    def __init__(self, engine: Engine, target: Target) -> None:
        self._engine, self._target = engine, target
        self._started = Changes()
        with translated_faults(target.database):
            self._table = Table(target.table, MetaData(), schema=target.schema, autoload_with=engine)
        self._column: Column[Any] = self._table.c[target.column]
        self._keys = [self._table.c[key] for key in target.keys]
        self._filled = and_(self._column.is_not(None), self._column != "")
        same = [column == bindparam(f"key_{number}") for number, column in enumerate(self._keys)]
        expected = cast(self._column, BINARY) == cast(bindparam("old", type_=String()), BINARY)
        self._update = update(self._table).where(*same, expected).values({self._column: bindparam("fresh")})
        self._lock = select(self._keys[0]).where(*same).with_for_update(skip_locked=True)

    def read(self, after: Sequence[Any] | None, upto: Sequence[Any] | None, limit: int) -> list[Row]:
        bounds = [] if after is None else [tuple_(*self._keys) > tuple_(*after)]
        bounds += [] if upto is None else [tuple_(*self._keys) <= tuple_(*upto)]
        return self._fetch(bounds, limit)

    def read_left(self, after: Sequence[Any] | None, current: CurrentTokens, limit: int) -> list[Row]:
        left = self._left(current)
        bounds = [] if after is None else [tuple_(*self._keys) > tuple_(*after)]
        return self._fetch([*bounds, left], limit)

    def start(self, changes: Changes) -> None:
        self._started = changes

    def finish(self) -> int:
        return self.write(self._started, skip_locked=False)

    def write(self, changes: Changes, *, skip_locked: bool) -> int:
        rows = [
            {f"key_{number}": value for number, value in enumerate(key)} | {"old": old, "fresh": new}
            for key, old, new in zip(changes.keys, changes.old, changes.new, strict=True)
        ]
        with self._translated(), self._engine.begin() as connection:
            if skip_locked:
                rows = [row for row in rows if connection.execute(self._lock, row).first() is not None]
            if not rows:
                return 0
            if self._engine.dialect.supports_sane_multi_rowcount:
                return connection.execute(self._update, rows).rowcount
            return sum(connection.execute(self._update, row).rowcount for row in rows)

    def make_durable(self) -> None:
        """Do nothing: every transaction is durable when it is over."""

    def count(self) -> int:
        with self._translated(), self._engine.connect() as connection:
            return connection.execute(select(func.count()).select_from(self._table).where(self._filled)).scalar_one()

    def count_versions(self, current: CurrentTokens | None = None) -> Census:
        colon = func.instr(self._column, ":")
        named = case((colon.between(2, 33), func.substr(self._column, 1, colon - 1)), else_=null())
        left = literal(0) if current is None else case((self._left(current), 1), else_=0)
        # Counted as bytes: to a collation `V1` and `v1` may be one.
        query = select(cast(named, BINARY), func.count(), func.sum(left)).where(self._filled)
        with self._translated(), self._engine.connect() as connection:
            counted = connection.execute(query.group_by(cast(named, BINARY))).all()
        return Census.of((_text(name), int(rows), int(left)) for name, rows, left in counted)

    def list_writers(self) -> frozenset[str]:
        """Return none: who holds a lock is not told to every role."""
        return frozenset()

    def split(self, pieces: int) -> list[Sequence[Any]]:
        """Cut between the smallest and the largest of whole numbers; other keys stay in one piece."""
        first = self._keys[0]
        if len(self._keys) > 1 or first.type.python_type is not int:
            return []
        with self._translated(), self._engine.connect() as connection:
            low, high = connection.execute(select(func.min(first), func.max(first))).one()
        if low is None:
            return []
        cuts = [low + (high - low) * piece // pieces for piece in range(1, pieces)]
        return [(cut,) for cut in dict.fromkeys(cuts)]

    def measure_strain(self) -> Strain:
        return Strain()

    def vacuum(self, *, gently: bool) -> None:
        """Do nothing: InnoDB purges by itself."""

    def close(self) -> None:
        self._engine.dispose()

    def _left(self, current: CurrentTokens) -> ColumnElement[bool]:
        left = not_(self._begins(current.begin))
        return left if current.but_not is None else or_(left, self._begins(current.but_not))

    def _begins(self, beginning: str) -> ColumnElement[bool]:
        start = func.substr(self._column, 1, len(beginning))
        return cast(start, BINARY) == cast(literal(beginning, String()), BINARY)

    def _fetch(self, bounds: Sequence[ColumnElement[bool]], limit: int) -> list[Row]:
        query = select(*self._keys, self._column).where(self._filled, *bounds).order_by(*self._keys).limit(limit)
        with self._translated(), self._engine.connect() as connection:
            return [tuple(row) for row in connection.execute(query)]

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (DataError, IntegrityError):
            raise RowRefusedError from None
        except DBAPIError as error:
            raise self._fault(error) from None

    def _fault(self, error: DBAPIError) -> Exception:
        original = error.orig
        number = original.args[0] if original is not None and original.args else None
        if number == LOCK_WAIT:
            return LockedError()
        if number == DEADLOCK or number in TOO_SLOW:
            return TooMuchError()
        found = None if original is None else fault_of(self._target.database, original)
        return found or unavailable(self._target.database, error)


def _text(name: object) -> str | None:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else None if name is None else str(name)
