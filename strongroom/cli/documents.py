"""What `--json` prints: identifiers as text, times in UTC, sizes in bytes. Fields are only ever added."""

import uuid
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from strongroom.catalog.base import Base

_INNER_WORKINGS = {
    "dedupe_key",
    "fence",
    "lease_until",
    "publish_after",
    "publish_count",
    "published_at",
    "request_digest",
    "rounds",
}


def row_document(row: Base) -> dict[str, Any]:
    """Return a row of the catalog, without what only the ledger needs."""
    names = [attribute.key for attribute in row.__mapper__.column_attrs]
    return {name: plain(getattr(row, name)) for name in names if name not in _INNER_WORKINGS}


def plain(value: Any) -> Any:
    """Return a value in the types that JSON has; text enums are text already."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    if isinstance(value, uuid.UUID | Path):
        return str(value)
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value
