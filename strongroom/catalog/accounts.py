"""Tables of operators: accounts, their second factors, backup codes, logins on their way, and sessions."""

import uuid
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from strongroom.catalog.base import Base, UtcDateTime, stored_enum
from strongroom.columns import EncryptedString


class FactorKind(StrEnum):
    """What sort of second factor it is."""

    TOTP = "totp"


class AttemptKind(StrEnum):
    """What an attempt tried to guess; the two are counted apart."""

    PASSWORD = "password"  # noqa: S105  the name of a kind
    CODE = "code"


class Account(Base):
    """An operator: somebody who logs in."""

    __tablename__ = "account"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(64), unique=True)
    """Lower case."""
    role: Mapped[str] = mapped_column(String(16))
    """viewer, operator or admin."""
    password_hash: Mapped[str] = mapped_column(String(200))
    """argon2id, in PHC form."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    password_changed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    disabled_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    must_enroll: Mapped[bool] = mapped_column(default=False)
    """The factor was reset by somebody else: nothing is allowed before there is a new one."""
    codes_failed: Mapped[int] = mapped_column(default=0)
    """Wrong codes in a row, over all logins."""
    codes_locked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """Since when no code is taken any more, until somebody else resets the factor."""
    email: Mapped[str | None] = mapped_column(String(254))
    """Where its operator is told of what happens to it; without one the operations' channels are told."""


class AccountFactor(Base):
    """A second factor; of one that is not confirmed yet the account knows nothing."""

    __tablename__ = "account_factor"

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    kind: Mapped[FactorKind] = mapped_column(stored_enum(FactorKind))
    credential_id: Mapped[bytes | None] = mapped_column(LargeBinary(1023))
    """What a security key calls itself (WebAuthn); codes of an app have none."""
    public_key: Mapped[bytes | None] = mapped_column(LargeBinary)
    """Of a security key (COSE), in place of a secret."""
    secret: Mapped[str | None] = mapped_column(EncryptedString(max_bytes=64, strict=True))
    """Base32; bound to this row, and so to the account."""
    counter: Mapped[int] = mapped_column(BigInteger)
    """The last time step, or signature of a security key, that was accepted; what is not later never is again."""
    label: Mapped[str] = mapped_column(String(64))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (Index("uq_account_factor_credential_id", "credential_id", unique=True),)


class AccountBackupCode(Base):
    """A backup code that was not used yet, as its HMAC-SHA-256 under a key of the installation."""

    __tablename__ = "account_backup_code"

    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"), primary_key=True)
    digest: Mapped[bytes] = mapped_column(LargeBinary(32), primary_key=True)


class AccountAttempts(Base):
    """How often somebody tried to guess, in three windows; of names that are nobody's, many share a row."""

    __tablename__ = "account_attempts"

    subject: Mapped[str] = mapped_column(String(48), primary_key=True)
    kind: Mapped[AttemptKind] = mapped_column(stored_enum(AttemptKind), primary_key=True)
    short_began: Mapped[datetime] = mapped_column(UtcDateTime)
    short_count: Mapped[int]
    hour_began: Mapped[datetime] = mapped_column(UtcDateTime)
    hour_count: Mapped[int]
    day_began: Mapped[datetime] = mapped_column(UtcDateTime)
    day_count: Mapped[int]


class LoginChallenge(Base):
    """A login whose password was right and whose code is awaited; deleted when it is used."""

    __tablename__ = "login_challenge"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    tries: Mapped[int] = mapped_column(default=0)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index(None, "expires_at"),)


class LoginSession(Base):
    """A login, and all refresh tokens that came of it: one after the other, the last of them `generation`."""

    __tablename__ = "login_session"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    account_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("account.id"))
    generation: Mapped[int] = mapped_column(default=0)
    factor_at: Mapped[datetime] = mapped_column(UtcDateTime)
    """When every factor the account has was last shown in this session."""
    factor_since: Mapped[datetime | None] = mapped_column(UtcDateTime)
    """When it was shown first of those times between which changes were always allowed."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    refreshed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    network: Mapped[str | None] = mapped_column(String(43))
    """The network it was begun from, such as `192.0.2.0/24`, so that a login from elsewhere is noticed."""

    __table_args__ = (Index(None, "account_id"), Index(None, "expires_at"))


def find_account(session: Session, name: str) -> Account | None:
    """Return the account of a name, in whatever case it is written."""
    return session.scalars(select(Account).where(Account.name == name.strip().lower())).one_or_none()


def lock_account(session: Session, account_id: uuid.UUID) -> Account | None:
    """Return an account, which nobody else changes until the transaction ends."""
    query = select(Account).where(Account.id == account_id).with_for_update()
    return session.scalars(query).one_or_none()


def list_accounts(session: Session) -> Sequence[Account]:
    """Return all accounts by name."""
    return session.scalars(select(Account).order_by(Account.name)).all()


def find_factor(session: Session, account_id: uuid.UUID) -> AccountFactor | None:
    """Return the confirmed factor of an account."""
    query = select(AccountFactor).where(AccountFactor.account_id == account_id, AccountFactor.confirmed_at.is_not(None))
    return session.scalars(query.order_by(AccountFactor.id.desc()).limit(1)).one_or_none()


def is_enrolled(session: Session, account_id: uuid.UUID) -> bool:
    """Say whether an account has a confirmed factor, without reading its secret."""
    query = select(AccountFactor.id).where(
        AccountFactor.account_id == account_id, AccountFactor.confirmed_at.is_not(None)
    )
    return session.scalars(query.limit(1)).one_or_none() is not None
