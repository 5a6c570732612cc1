"""The table of step-ups: who wishes to destroy what, and who has proven with a code to mean it."""

import uuid
from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import CheckConstraint, Index, LargeBinary, String, Text, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime


class StepUpChallenge(Base):
    """One wish of one operator to do one thing to one target, once."""

    __tablename__ = "step_up_challenge"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[str] = mapped_column(String(64))
    account_name: Mapped[str] = mapped_column(String(120))
    verb: Mapped[str] = mapped_column(String(32))
    target: Mapped[str] = mapped_column(Text)
    """The name that is typed."""
    subject: Mapped[str] = mapped_column(Text)
    """What the request names besides the target; empty where it names nothing."""
    binding: Mapped[bytes] = mapped_column(LargeBinary)
    """SHA-256 of verb, target, subject and operator."""
    needs_approval: Mapped[bool]
    needs_delay: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    asked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was confirmed first; a delay counts from then on."""
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    confirmed_in: Mapped[str | None] = mapped_column(String(64))
    """The session it was confirmed in; none for a command."""
    approved_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    approved_by: Mapped[str | None] = mapped_column(String(64))
    approved_name: Mapped[str | None] = mapped_column(String(120))
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    ended: Mapped[str | None] = mapped_column(String(16))
    """used or cancelled."""
    ended_by: Mapped[str | None] = mapped_column(String(64))

    __table_args__ = (
        CheckConstraint("approved_by IS NULL OR approved_by <> account_id", name="approved_by_another"),
        CheckConstraint("(ended_at IS NULL) = (ended IS NULL)", name="ended_somehow"),
        Index(None, "account_id", "expires_at"),
        Index(None, "expires_at"),
    )


def find_challenge(session: Session, challenge_id: uuid.UUID, *, lock: bool) -> StepUpChallenge | None:
    """Return a challenge where there is one; with `lock` nobody else changes it until the transaction ends."""
    return session.get(StepUpChallenge, challenge_id, with_for_update=lock, populate_existing=True)


def list_open(session: Session, now: datetime, limit: int) -> Sequence[StepUpChallenge]:
    """Return the challenges that can still be used, newest first."""
    query = select(StepUpChallenge).where(StepUpChallenge.ended_at.is_(None), StepUpChallenge.expires_at > now)
    return session.scalars(query.order_by(StepUpChallenge.created_at.desc()).limit(limit)).all()


def count_open(session: Session, account_id: str, now: datetime) -> int:
    """Count the challenges of an operator that can still be used."""
    query = select(func.count()).where(
        StepUpChallenge.account_id == account_id,
        StepUpChallenge.ended_at.is_(None),
        StepUpChallenge.expires_at > now,
    )
    return session.scalar(query) or 0


def forget_challenges(session: Session, before: datetime) -> None:
    """Delete what expired before a moment; what became of it is in the audit log."""
    session.execute(delete(StepUpChallenge).where(StepUpChallenge.expires_at < before))
