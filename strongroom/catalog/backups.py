"""Tables about backups: the backup itself, its replicas, and what was restored and verified from it."""

import uuid
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import JSON, BigInteger, ForeignKey, Index, String
from sqlalchemy.orm import Mapped, mapped_column

from strongroom.catalog.base import Base, UtcDateTime, stored_enum


class BackupKind(StrEnum):
    """What a backup takes as its parent: nothing, the last full, or the last committed one."""

    FULL = "full"
    DIFFERENTIAL = "differential"
    INCREMENTAL = "incremental"


class Medium(StrEnum):
    """What a backup consists of: objects in our repository, or snapshots that AWS keeps."""

    REPOSITORY = "repository"
    SNAPSHOT = "snapshot"


class BackupState(StrEnum):
    """Where a backup stands; only a committed one can be restored."""

    RUNNING = "running"
    COMMITTED = "committed"
    ABORTED = "aborted"
    RETIRED = "retired"


class ReplicaState(StrEnum):
    """Where one region's copy of a backup stands."""

    WANTED = "wanted"
    PRESENT = "present"
    DAMAGED = "damaged"


class VerificationLevel(StrEnum):
    """How deep a verification looks: objects present with the right checksum, or every byte decrypted."""

    PRESENCE = "presence"
    DATA = "data"


class Backup(Base):
    """One backup of one source, from its first job step to its expiry; its id is its job's id.

    Each attempt of the job writes in a session of its own, and all of them meet at the one commit key of the backup.
    """

    __tablename__ = "backup"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    source: Mapped[str] = mapped_column(String(63))
    source_kind: Mapped[str] = mapped_column(String(32))
    medium: Mapped[Medium] = mapped_column(stored_enum(Medium), default=Medium.REPOSITORY, server_default="repository")
    kind: Mapped[BackupKind] = mapped_column(stored_enum(BackupKind))
    state: Mapped[BackupState] = mapped_column(stored_enum(BackupState))
    parent_id: Mapped[uuid.UUID | None] = mapped_column(ForeignKey("backup.id"))
    session_id: Mapped[uuid.UUID]
    trace_id: Mapped[str] = mapped_column(String(32))
    policy: Mapped[str] = mapped_column(String(63))
    regions: Mapped[list[str]] = mapped_column(JSON)
    """The regions the policy asks for, home first, fixed when the backup was made."""
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    committed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    protected_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    files: Mapped[int] = mapped_column(BigInteger, default=0)
    source_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    stored_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    """Bytes this backup added to its home region."""
    reused_bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    objects: Mapped[int] = mapped_column(BigInteger, default=0)
    manifest_sha256: Mapped[str | None] = mapped_column(String(64))
    problem_count: Mapped[int] = mapped_column(BigInteger, default=0)
    problems: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)
    """The first thousand problems: path, kind, reason."""
    facts: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)

    __table_args__ = (Index(None, "source", "created_at"), Index(None, "state"))

    @property
    def partial(self) -> bool:
        """Say whether something of the source is missing from the backup."""
        return self.problem_count > 0


class Replica(Base):
    """One region's copy of one backup; the home region's is made by the commit."""

    __tablename__ = "replica"

    backup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("backup.id"), primary_key=True)
    region: Mapped[str] = mapped_column(String(63), primary_key=True)
    state: Mapped[ReplicaState] = mapped_column(stored_enum(ReplicaState))
    evidence: Mapped[str | None] = mapped_column(String(16))
    """The weakest evidence by which its objects were confirmed."""
    objects: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    job_id: Mapped[uuid.UUID | None]
    """The newest job that copies or mends it."""
    rounds: Mapped[int] = mapped_column(default=0)
    """How many such jobs there have been; part of their dedupe key."""
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    last_error: Mapped[str | None] = mapped_column(String(500))
    updated_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (Index(None, "state"),)


class Restore(Base):
    """One restore of one backup from one region into one target; its id is its job's id."""

    __tablename__ = "restore"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    backup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("backup.id"))
    region: Mapped[str | None] = mapped_column(String(63))
    """The region asked for; once it runs, the one it reads from."""
    target: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    files: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    problem_count: Mapped[int] = mapped_column(BigInteger, default=0)
    problems: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)

    __table_args__ = (Index(None, "backup_id"),)


class Verification(Base):
    """One check of one region's copy of a backup; its id is its job's id."""

    __tablename__ = "verification"

    id: Mapped[uuid.UUID] = mapped_column(primary_key=True)
    backup_id: Mapped[uuid.UUID] = mapped_column(ForeignKey("backup.id"))
    region: Mapped[str] = mapped_column(String(63))
    level: Mapped[VerificationLevel] = mapped_column(stored_enum(VerificationLevel))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    finished_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    passed: Mapped[bool | None]
    evidence: Mapped[str | None] = mapped_column(String(16))
    objects: Mapped[int] = mapped_column(BigInteger, default=0)
    bytes: Mapped[int] = mapped_column(BigInteger, default=0)
    damage: Mapped[list[dict[str, str]]] = mapped_column(JSON, default=list)

    __table_args__ = (Index(None, "backup_id"),)


class RegionCheck(Base):
    """What a region said when it was looked at last."""

    __tablename__ = "region_check"

    region: Mapped[str] = mapped_column(String(63), primary_key=True)
    fault: Mapped[str | None] = mapped_column(String(500))
    """Why the region cannot be relied on now; nothing where it answered and holds the repository."""
    checked_at: Mapped[datetime] = mapped_column(UtcDateTime)
