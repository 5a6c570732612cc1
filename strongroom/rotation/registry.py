"""The register of encrypted columns: what a key version may be needed by."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.reencryption import EncryptedColumn
from strongroom.rotation.target import Target


def register_column(session: Session, target: Target, model: str | None) -> EncryptedColumn:
    """Note an encrypted column, or what is new about one that is noted already."""
    column = session.get(EncryptedColumn, target.place)
    if column is None:
        column = EncryptedColumn(place=target.place, registered_at=utcnow())
        session.add(column)
    column.target, column.model = target.as_stored(), model or column.model
    session.flush()
    return column


def register_columns(session: Session, targets: Sequence[Target]) -> None:
    """Note encrypted columns that an application's metadata names."""
    for target in targets:
        register_column(session, target, None)


def list_columns(session: Session) -> Sequence[EncryptedColumn]:
    """Return every registered column, by name."""
    return session.scalars(select(EncryptedColumn).order_by(EncryptedColumn.place)).all()


def record_census(session: Session, place: str, rows_by_version: dict[str, Any]) -> None:
    """Note how many rows of a column each version had just now."""
    column = session.get(EncryptedColumn, place)
    if column is not None:
        column.rows_by_version, column.counted_at = rows_by_version, utcnow()
