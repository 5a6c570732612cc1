"""Expressions that PostgreSQL and SQLite understand alike: conditional counts, and seconds between two moments."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Float, case, func
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import InstrumentedAttribute
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

Moment = ColumnElement[datetime] | InstrumentedAttribute[datetime] | InstrumentedAttribute[datetime | None]


class SecondsBetween(FunctionElement[float]):
    """How many seconds lie between an earlier and a later moment."""

    type = Float()
    inherit_cache = True


def seconds_between(earlier: Moment, later: Moment) -> SecondsBetween:
    """Return the seconds from one moment to the other."""
    return SecondsBetween(earlier, later)


def count_where(condition: ColumnElement[bool]) -> ColumnElement[int]:
    """Return how many rows of a group fulfil a condition."""
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def sum_where(condition: ColumnElement[bool], value: ColumnElement[Any] | InstrumentedAttribute[int]) -> Any:
    """Return the sum over the rows of a group that fulfil a condition."""
    return func.coalesce(func.sum(case((condition, value), else_=0)), 0)


@compiles(SecondsBetween, "postgresql")
def _on_postgresql(element: SecondsBetween, compiler: SQLCompiler, **options: Any) -> str:
    earlier, later = (compiler.process(clause, **options) for clause in element.clauses)
    return f"CAST(EXTRACT(EPOCH FROM ({later} - {earlier})) AS DOUBLE PRECISION)"


@compiles(SecondsBetween, "sqlite")
def _on_sqlite(element: SecondsBetween, compiler: SQLCompiler, **options: Any) -> str:
    earlier, later = (compiler.process(clause, **options) for clause in element.clauses)
    return f"((julianday({later}) - julianday({earlier})) * 86400.0)"
