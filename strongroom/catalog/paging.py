"""Keyset paging: newest first, a page is found by the last id seen, so that new rows never shift it."""

import base64
import binascii
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Select
from sqlalchemy.orm import InstrumentedAttribute, Session

from strongroom.catalog.errors import BadCursorError, BadLimitError

MAX_LIMIT = 500

RowT = TypeVar("RowT")


@dataclass(frozen=True, slots=True)
class Page(Generic[RowT]):
    """Some rows of a list; `next_cursor` asks for the ones after them and is None at the end."""

    items: Sequence[RowT]
    next_cursor: str | None


def fetch_page(
    session: Session,
    query: Select[tuple[RowT]],
    id_column: InstrumentedAttribute[uuid.UUID],
    *,
    limit: int,
    cursor: str | None,
) -> Page[RowT]:
    """Run `query` newest first and return up to `limit` rows; raises BadLimitError, BadCursorError."""
    verify_limit(limit)
    if cursor is not None:
        query = query.where(id_column < decode_cursor(cursor))
    rows = session.scalars(query.order_by(id_column.desc()).limit(limit + 1)).all()
    if len(rows) <= limit:
        return Page(rows, None)
    shown = rows[:limit]
    return Page(shown, encode_cursor(getattr(shown[-1], id_column.key)))


def verify_limit(limit: int) -> None:
    """Return if a page may have so many rows; raises BadLimitError."""
    if not 1 <= limit <= MAX_LIMIT:
        raise BadLimitError(
            f"A page of {limit} rows cannot be had.", next_step=f"Ask for between 1 and {MAX_LIMIT} rows."
        )


def encode_cursor(last_id: uuid.UUID) -> str:
    """Write the id of the last row shown as 22 URL-safe characters."""
    return base64.urlsafe_b64encode(last_id.bytes).rstrip(b"=").decode("ascii")


def decode_cursor(cursor: str) -> uuid.UUID:
    """Read what encode_cursor wrote; raises BadCursorError."""
    try:
        return uuid.UUID(bytes=base64.b64decode(cursor + "==", altchars=b"-_", validate=True))
    except (binascii.Error, ValueError):
        raise BadCursorError(
            "The paging cursor is not one of this list.",
            next_step="Pass next_cursor of the page before, unchanged, or leave it out for the first page.",
        ) from None
