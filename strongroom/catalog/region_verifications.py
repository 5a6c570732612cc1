"""Tables about whole regions: what a check of everything in one found, and when each pack there was read last."""

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, TypeVar

from sqlalchemy import JSON, BigInteger, Index, LargeBinary, String, and_, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.backups import Backup, BackupState, Medium, Replica, ReplicaState
from strongroom.catalog.base import Base, UtcDateTime, stored_enum
from strongroom.catalog.errors import RecordNotFoundError
from strongroom.catalog.inserting import insert_of
from strongroom.catalog.paging import Page, fetch_page

ROWS_A_STATEMENT = 400
"""Small enough for the number of values that any database takes in one statement."""

ItemT = TypeVar("ItemT")


class RegionLevel(StrEnum):
    """How deep a check of a whole region looks: what is there, the packs unread for longest, or every pack."""

    PRESENCE = "presence"
    SAMPLE = "sample"
    DATA = "data"


class RegionVerification(Base):
    """One check of everything a region should hold; its id is its job's id."""

    __tablename__ = "region_verification"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    region: Mapped[str] = mapped_column(String(63))
    level: Mapped[RegionLevel] = mapped_column(stored_enum(RegionLevel))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    passed: Mapped[bool | None]
    evidence: Mapped[str | None] = mapped_column(String(16))
    backups: Mapped[int] = mapped_column(BigInteger, default=0)
    objects: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    damaged_backups: Mapped[int] = mapped_column(BigInteger, default=0)
    damage: Mapped[list[dict[str, Any]]] = mapped_column(JSON, default=list)
    """The first thousand findings: key, code, message."""

    __table_args__ = (Index(None, "region", "finished_at"),)


class PackReading(Base):
    """One pack in one region, and since when it has not been read; a pack that is new there counts as just read."""

    __tablename__ = "pack_reading"

    region: Mapped[str] = mapped_column(String(63), primary_key=True)
    sha256: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)
    size: Mapped[int] = mapped_column(BigInteger)
    unread_since: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index(None, "region", "unread_since"),)


@dataclass(frozen=True, slots=True)
class Copy:
    """One backup that a region should hold."""

    backup_id: uuid.UUID
    source: str


def get_region_verification(session: Session, verification_id: uuid.UUID) -> RegionVerification:
    """Return the check of a region; raises RecordNotFoundError."""
    found = session.get(RegionVerification, verification_id)
    if found is None:
        raise RecordNotFoundError(
            f"There is no check of a region with the id {verification_id}.", next_step="Look it up in their list."
        )
    return found


def list_region_verifications(
    session: Session, *, region: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[RegionVerification]:
    """Return checks of regions, newest first; raises BadLimitError, BadCursorError."""
    query = select(RegionVerification)
    if region is not None:
        query = query.where(RegionVerification.region == region)
    return fetch_page(session, query, RegionVerification.id, limit=limit, cursor=cursor)


def find_last_finished(session: Session, region: str, level: RegionLevel) -> RegionVerification | None:
    """Return the check of a region that ended last, if one did."""
    query = (
        select(RegionVerification)
        .where(RegionVerification.region == region, RegionVerification.level == level)
        .where(RegionVerification.finished_at.is_not(None))
        .order_by(RegionVerification.finished_at.desc())
        .limit(1)
    )
    return session.scalars(query).first()


def list_copies(session: Session, region: str) -> list[Copy]:
    """Return the backups that the region's store is said to hold, also those it holds damaged, oldest first."""
    query = (
        select(Backup.id, Backup.source)
        .join(Replica, Replica.backup_id == Backup.id)
        .where(Replica.region == region, Replica.state != ReplicaState.WANTED, Backup.state == BackupState.COMMITTED)
        .where(Backup.medium == Medium.REPOSITORY)
        .order_by(Backup.created_at, Backup.id)
    )
    return [Copy(backup_id, source) for backup_id, source in session.execute(query)]


def add_packs(session: Session, region: str, packs: Sequence[tuple[bytes, int]], now: datetime) -> None:
    """Note packs (SHA-256 and size) of a region; one that is known keeps its moment."""
    insert = insert_of(session)
    for batch in _batches(packs):
        rows = [{"region": region, "sha256": sha, "size": size, "unread_since": now} for sha, size in batch]
        session.execute(insert(PackReading).values(rows).on_conflict_do_nothing())


def remove_packs(session: Session, region: str, packs: Sequence[bytes]) -> None:
    """Forget packs that no backup of the region needs any more."""
    for batch in _batches(packs):
        session.execute(delete(PackReading).where(PackReading.region == region, PackReading.sha256.in_(batch)))


def mark_read(session: Session, region: str, packs: Sequence[bytes], now: datetime) -> None:
    """Note that packs were read and found whole."""
    for batch in _batches(packs):
        rows = update(PackReading).where(PackReading.region == region, PackReading.sha256.in_(batch))
        session.execute(rows.values(unread_since=now))


def list_unread(
    session: Session, region: str, *, before: datetime, after: tuple[datetime, bytes] | None, limit: int
) -> Sequence[PackReading]:
    """Return packs not read since `before`, longest unread first, from behind a moment and pack on."""
    query = select(PackReading).where(PackReading.region == region, PackReading.unread_since < before)
    if after is not None:
        moment, sha256 = after
        same = and_(PackReading.unread_since == moment, PackReading.sha256 > sha256)
        query = query.where(or_(PackReading.unread_since > moment, same))
    return session.scalars(query.order_by(PackReading.unread_since, PackReading.sha256).limit(limit)).all()


def iterate_packs(session: Session, region: str) -> Iterator[bytes]:
    """Yield the SHA-256 of every pack that is noted for a region, without keeping them in memory."""
    query = select(PackReading.sha256).where(PackReading.region == region)
    yield from session.scalars(query.execution_options(yield_per=ROWS_A_STATEMENT))


def _batches(items: Sequence[ItemT]) -> Iterator[Sequence[ItemT]]:
    for start in range(0, len(items), ROWS_A_STATEMENT):
        yield items[start : start + ROWS_A_STATEMENT]


def sum_packs(session: Session, region: str) -> int:
    """Return the bytes of all packs that are noted for a region."""
    return session.scalar(select(func.coalesce(func.sum(PackReading.size), 0)).where(PackReading.region == region)) or 0


def count_unread(session: Session, region: str, *, before: datetime) -> int:
    """Return how many packs of a region have not been read since a moment."""
    query = select(func.count()).select_from(PackReading)
    return session.scalar(query.where(PackReading.region == region, PackReading.unread_since < before)) or 0


def count_damaged(session: Session, region: str) -> int:
    """Return how many committed backups the region holds damaged."""
    query = select(func.count()).select_from(Replica).join(Backup, Backup.id == Replica.backup_id)
    query = query.where(Replica.region == region, Replica.state == ReplicaState.DAMAGED)
    return session.scalar(query.where(Backup.state == BackupState.COMMITTED)) or 0
