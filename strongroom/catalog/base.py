"""What all tables share: the declarative base and column types that behave alike on PostgreSQL and SQLite."""

from datetime import UTC, datetime
from enum import StrEnum
from functools import partial
from typing import Any

from sqlalchemy import JSON, Connection, DateTime, Dialect, Enum, Index, MetaData, TextClause, event
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.types import TypeDecorator

CONSTRAINT_NAMES = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}

NullableJson = JSON(none_as_null=True)
"""JSON in which None is SQL NULL, so that `IS NULL` means what it says."""


class Base(DeclarativeBase):
    """The root of every mapped class."""

    metadata = MetaData(naming_convention=CONSTRAINT_NAMES)


class UtcDateTime(TypeDecorator[datetime]):
    """An aware datetime, always UTC; SQLite keeps it without an offset, so the offset is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a naive datetime cannot be stored")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


def stored_enum(enum: type[StrEnum]) -> Enum:
    """Return the column type that keeps an enum by its value in 16 characters; a new member needs no migration."""
    return Enum(enum, native_enum=False, length=16, values_callable=lambda members: [m.value for m in members])


def partial_index(name: str, *columns: str, where: TextClause, unique: bool = False) -> Index:
    """Return an index of those rows only for which a condition holds."""
    index = Index(name, *columns, unique=unique)
    event.listen(index, "before_create", partial(_name_condition, where))
    return index


def _name_condition(where: TextClause, index: Index, connection: Connection, **_: Any) -> None:
    # Not before: SQLAlchemy loads every database's dialect whose options a table names.
    index.dialect_kwargs[f"{connection.dialect.name}_where"] = where
