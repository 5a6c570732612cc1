"""Tables of what is kept and what goes: holds, policies agreed upon, expiries, locks, and who did what."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, CheckConstraint, ColumnElement, ForeignKey, Index, String, Text, or_, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, NullableJson, UtcDateTime, stored_enum
from strongroom.catalog.errors import RecordNotFoundError
from strongroom.catalog.inserting import insert_of
from strongroom.catalog.paging import Page, fetch_page


class ExpiryCause(StrEnum):
    """What ended a backup: no policy kept it, or somebody gave it up before its time."""

    POLICY = "policy"
    OPERATOR = "operator"


class ShredState(StrEnum):
    """Where one region stands: its key slots are to go, are kept by a lock, or are gone."""

    WANTED = "wanted"
    RETAINED = "retained"
    DONE = "done"


class Hold(Base):
    """Something that keeps one backup, or all of a source, whatever policies say; never removed, only released."""

    __tablename__ = "hold"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(63))
    backup_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("backup.id"))
    """The backup; none for everything of the source, made and still to be made."""
    reason: Mapped[str] = mapped_column(String(500))
    placed_by: Mapped[str] = mapped_column(String(120))
    placed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    released_by: Mapped[str | None] = mapped_column(String(120))
    released_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    release_reason: Mapped[str | None] = mapped_column(String(500))

    __table_args__ = (
        CheckConstraint("(released_at IS NULL) = (released_by IS NULL)", name="released_by_somebody"),
        Index(None, "source", "released_at"),
        Index(None, "backup_id"),
    )


class AgreedPolicy(Base):
    """The terms that hold for a source: longer ones replace them by themselves, shorter ones when somebody approves."""

    __tablename__ = "agreed_policy"

    source: Mapped[str] = mapped_column(String(63), primary_key=True)
    policy: Mapped[str] = mapped_column(String(63))
    terms: Mapped[dict[str, Any]] = mapped_column(JSON)
    agreed_by: Mapped[str] = mapped_column(String(120))
    agreed_at: Mapped[datetime] = mapped_column(UtcDateTime)


class Expiry(Base):
    """The end of one backup, from the decision to the receipt."""

    __tablename__ = "expiry"

    backup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("backup.id"), primary_key=True)
    source: Mapped[str] = mapped_column(String(63))
    policy: Mapped[str] = mapped_column(String(63))
    cause: Mapped[ExpiryCause] = mapped_column(stored_enum(ExpiryCause))
    reason: Mapped[str] = mapped_column(String(500))
    decided_by: Mapped[str] = mapped_column(String(120))
    decided_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    receipt: Mapped[str | None] = mapped_column(Text)
    """The signed record, as every region holds it."""

    __table_args__ = (Index(None, "finished_at"), Index(None, "source", "decided_at"))


class ExpiryRegion(Base):
    """What became of an expired backup's key slots in one region."""

    __tablename__ = "expiry_region"

    backup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("expiry.backup_id"), primary_key=True)
    region: Mapped[str] = mapped_column(String(63), primary_key=True)
    state: Mapped[ShredState] = mapped_column(stored_enum(ShredState))
    slots: Mapped[list[list[str]] | None] = mapped_column(NullableJson)
    """Key and version of every slot that was found, written down before the first was removed."""
    retained_until: Mapped[datetime | None] = mapped_column(UtcDateTime)
    receipt_stored: Mapped[bool] = mapped_column(default=False)
    last_error: Mapped[str | None] = mapped_column(String(500))
    done_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class BackupLock(Base):
    """Until when one region keeps the objects of a backup from being removed."""

    __tablename__ = "backup_lock"

    backup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("backup.id"), primary_key=True)
    region: Mapped[str] = mapped_column(String(63), primary_key=True)
    until: Mapped[datetime] = mapped_column(UtcDateTime)
    objects: Mapped[int] = mapped_column(default=0)
    locked_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RetentionEvent(Base):
    """Who changed what is kept, when and why; rows are only ever added."""

    __tablename__ = "retention_event"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(120))
    action: Mapped[str] = mapped_column(String(32))
    source: Mapped[str] = mapped_column(String(63))
    backup_id: Mapped[uuid.UUID | None]
    detail: Mapped[dict[str, Any]] = mapped_column(JSON)

    __table_args__ = (Index(None, "source", "id"), Index(None, "backup_id"))


def lock_agreed(session: Session, new: AgreedPolicy) -> AgreedPolicy:
    """Return the source's terms, locked until the transaction ends; where there are none yet, the new ones hold.

    Whoever decides what goes, and whoever holds it, takes this lock first, so that one of the two sees the other.
    """
    insert = insert_of(session)
    values = {name: getattr(new, name) for name in ("source", "policy", "terms", "agreed_by", "agreed_at")}
    session.execute(insert(AgreedPolicy).values(values).on_conflict_do_nothing(index_elements=["source"]))
    query = select(AgreedPolicy).where(AgreedPolicy.source == new.source).with_for_update()
    return session.scalars(query).one()


def list_agreed(session: Session) -> dict[str, AgreedPolicy]:
    """Return the terms that were agreed upon, by source."""
    return {row.source: row for row in session.scalars(select(AgreedPolicy))}


def active_holds(session: Session, now: datetime, source: str | None = None) -> Sequence[Hold]:
    """Return the holds that are in force, of one source or of all."""
    query = select(Hold).where(*_active(now)).order_by(Hold.id)
    return session.scalars(query if source is None else query.where(Hold.source == source)).all()


def list_holds(
    session: Session,
    now: datetime,
    *,
    source: str | None = None,
    over: bool = False,
    limit: int = 50,
    cursor: str | None,
) -> Page[Hold]:
    """Return holds, newest first, with those that are over if asked; raises BadLimitError, BadCursorError."""
    query = select(Hold) if over else select(Hold).where(*_active(now))
    if source is not None:
        query = query.where(Hold.source == source)
    return fetch_page(session, query, Hold.id, limit=limit, cursor=cursor)


def unfinished_expiries(session: Session, source: str | None = None) -> Sequence[Expiry]:
    """Return the expiries whose receipt is not written everywhere yet, oldest first."""
    query = select(Expiry).where(Expiry.finished_at.is_(None)).order_by(Expiry.decided_at, Expiry.backup_id)
    return session.scalars(query if source is None else query.where(Expiry.source == source)).all()


def list_expiries(
    session: Session, *, source: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[Expiry]:
    """Return expiries by backup, newest backup first; raises BadLimitError, BadCursorError."""
    query = select(Expiry)
    if source is not None:
        query = query.where(Expiry.source == source)
    return fetch_page(session, query, Expiry.backup_id, limit=limit, cursor=cursor)


def get_expiry(session: Session, backup_id: uuid.UUID) -> Expiry:
    """Return how a backup ended; raises RecordNotFoundError."""
    found = session.get(Expiry, backup_id)
    if found is None:
        raise RecordNotFoundError(
            f"Backup {backup_id} has not expired.", next_step="List those that have: strongroom retention list"
        )
    return found


def expiry_regions(session: Session, backup_id: uuid.UUID) -> Sequence[ExpiryRegion]:
    """Return what became of a backup's key slots, region by region."""
    query = select(ExpiryRegion).where(ExpiryRegion.backup_id == backup_id).order_by(ExpiryRegion.region)
    return session.scalars(query).all()


def list_events(
    session: Session, *, source: str | None = None, limit: int = 50, cursor: str | None = None
) -> Page[RetentionEvent]:
    """Return what was done about retention, newest first; raises BadLimitError, BadCursorError."""
    query = select(RetentionEvent)
    if source is not None:
        query = query.where(RetentionEvent.source == source)
    return fetch_page(session, query, RetentionEvent.id, limit=limit, cursor=cursor)


def _active(now: datetime) -> list[ColumnElement[bool]]:
    return [Hold.released_at.is_(None), or_(Hold.until.is_(None), Hold.until > now)]
