"""The database's clock as an SQL expression, the one clock that all processes of an installation share."""

from datetime import datetime
from typing import Any

from sqlalchemy import BindParameter, Float, literal, select
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from strongroom.catalog.base import UtcDateTime


class DatabaseTime(FunctionElement[datetime]):
    """The moment the statement began, shifted by a number of seconds."""

    type = UtcDateTime()
    inherit_cache = True


def utcnow(shift_seconds: float | BindParameter[float] = 0.0) -> DatabaseTime:
    """Return the database's time at the start of the statement plus `shift_seconds`, a value or a parameter.

    The start of the statement, not the moment of evaluation: it is constant, so an index can be used, and a statement
    that waited for a lock sees leases as longer and makes its own shorter, which is the safe side.
    """
    if isinstance(shift_seconds, BindParameter):
        return DatabaseTime(shift_seconds)
    return DatabaseTime(literal(float(shift_seconds), Float()))


def database_now(session: Session) -> datetime:
    """Return the database's time."""
    return session.scalars(select(utcnow())).one()


@compiles(DatabaseTime, "postgresql")
def _on_postgresql(element: DatabaseTime, compiler: SQLCompiler, **options: Any) -> str:
    return f"(statement_timestamp() + make_interval(secs => {compiler.process(element.clauses, **options)}))"


@compiles(DatabaseTime, "sqlite")
def _on_sqlite(element: DatabaseTime, compiler: SQLCompiler, **options: Any) -> str:
    # Six digits of fraction, as SQLAlchemy writes them, because SQLite compares datetimes as text.
    shift = compiler.process(element.clauses, **options)
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', printf('%+.3f seconds', {shift})) || '000')"
