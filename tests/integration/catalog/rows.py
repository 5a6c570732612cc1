"""Writes rows into tables as they are, whatever version made them."""

import json
import uuid
from typing import Any

from sqlalchemy import Engine, inspect, text
from sqlalchemy.types import BigInteger, Boolean, DateTime, Integer, TypeEngine

INNOCENT: tuple[tuple[type[TypeEngine[Any]], Any], ...] = (
    (BigInteger, 0),
    (Integer, 0),
    (Boolean, False),
    (DateTime, "2026-01-01 00:00:00"),
)


def insert(engine: Engine, table: str, **values: Any) -> None:
    """Insert a row; a column that must have a value and is not named gets an innocent one."""
    required = {column["name"]: column["type"] for column in inspect(engine).get_columns(table) if is_required(column)}
    row = {name: innocent(kind) for name, kind in required.items()}
    row |= {name: plain(value, engine.dialect.name) for name, value in values.items()}
    statement = text(f"INSERT INTO {table} ({', '.join(row)}) VALUES ({', '.join(f':{name}' for name in row)})")
    with engine.begin() as connection:
        connection.execute(statement, row)


def is_required(column: Any) -> bool:
    return not column["nullable"] and column["default"] is None


def innocent(kind: TypeEngine[Any]) -> Any:
    if str(kind) == "UUID" or str(kind) == "CHAR(32)":
        return uuid.uuid4().hex
    return next((value for known, value in INNOCENT if isinstance(kind, known)), "{}" if "JSON" in str(kind) else "x")


def plain(value: Any, dialect: str) -> Any:
    if isinstance(value, uuid.UUID):
        return value if dialect == "postgresql" else value.hex
    return json.dumps(value) if isinstance(value, dict) else value
