"""Rows that were not converted: who they are and why, for as long as they are so."""

from collections.abc import Sequence

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.inserting import insert_of
from strongroom.catalog.reencryption import QuarantinedRow
from strongroom.rotation.access import UNNAMED
from strongroom.rotation.converting import BrokenRow

ROWS_A_STATEMENT = 100


def quarantine_rows(session: Session, place: str, job_id: int, rows: Sequence[BrokenRow]) -> None:
    """Note rows of a column that are left as they are; one that is noted gets the newer reason."""
    insert = insert_of(session)
    unique = {row.key_digest: row for row in rows}
    noted = [_values(place, job_id, row) for row in unique.values()]
    for start in range(0, len(noted), ROWS_A_STATEMENT):
        statement = insert(QuarantinedRow).values(noted[start : start + ROWS_A_STATEMENT])
        newer = {name: statement.excluded[name] for name in ("job_id", "version", "token_sha256", "reason", "seen_at")}
        session.execute(statement.on_conflict_do_update(index_elements=["place", "key_digest"], set_=newer))


def release_older(session: Session, place: str, job_id: int) -> None:
    """Forget the rows of a column that a re-encryption, which met every row, did not meet: they are mended, or gone."""
    session.execute(delete(QuarantinedRow).where(QuarantinedRow.place == place, QuarantinedRow.job_id != job_id))


def list_quarantined(session: Session, place: str | None = None, *, limit: int = 100) -> Sequence[QuarantinedRow]:
    """Return quarantined rows, of one column if it is named."""
    query = select(QuarantinedRow).order_by(QuarantinedRow.place, QuarantinedRow.seen_at, QuarantinedRow.key_digest)
    if place is not None:
        query = query.where(QuarantinedRow.place == place)
    return session.scalars(query.limit(limit)).all()


def count_quarantined(session: Session, place: str | None = None) -> dict[str, int]:
    """Return quarantined rows by the version their token names, `?` for none."""
    query = select(QuarantinedRow.version, func.count()).group_by(QuarantinedRow.version)
    if place is not None:
        query = query.where(QuarantinedRow.place == place)
    return {version or UNNAMED: rows for version, rows in session.execute(query)}


def _values(place: str, job_id: int, row: BrokenRow) -> dict[str, object]:
    return {
        "place": place,
        "key_digest": row.key_digest,
        "key": list(row.key),
        "job_id": job_id,
        "version": row.version,
        "token_sha256": row.token_sha256,
        "reason": row.reason,
        "seen_at": utcnow(),
    }
