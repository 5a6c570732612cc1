"""What the catalog knows of the backups that the policy engine decides about."""

import uuid
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.backups import (
    Backup,
    BackupKind,
    BackupState,
    Replica,
    ReplicaState,
    Restore,
    Verification,
)
from strongroom.catalog.drills import Drill, DrillState, drilled_backups
from strongroom.catalog.jobs import FINAL_STATES, Job
from strongroom.catalog.retention import active_holds
from strongroom.retention.candidates import Block, Candidate

ROWS_A_STATEMENT = 400
USING = (Restore, Verification, Drill)
"""What reads a backup for long; the id of each is that of its job."""


@dataclass(frozen=True, slots=True)
class SourceBackups:
    """The committed backups of one source, newest first, and the policy that the newest was made under."""

    source: str
    policy: str
    candidates: Sequence[Candidate]


def gather(session: Session, now: datetime, source: str | None = None) -> list[SourceBackups]:
    """Return what there is of every source, or of one, by name."""
    query = (
        select(Backup.id, Backup.source, Backup.policy, Backup.created_at, Backup.kind)
        .where(Backup.state == BackupState.COMMITTED)
        .order_by(Backup.source, Backup.created_at.desc(), Backup.id.desc())
    )
    rows = session.execute(query if source is None else query.where(Backup.source == source)).all()
    obstacles = _Obstacles(session, now, source)
    found: dict[str, list[Candidate]] = defaultdict(list)
    policies: dict[str, str] = {}
    for backup_id, name, policy, created_at, kind in rows:
        policies.setdefault(name, policy)
        full = kind is BackupKind.FULL
        restorable = backup_id not in obstacles.unreadable
        found[name].append(obstacles.candidate(name, Candidate(backup_id, created_at, full, restorable)))
    return [SourceBackups(name, policies[name], candidates) for name, candidates in found.items()]


class _Obstacles:
    """What is held, proven, pinned, in use or being copied."""

    def __init__(self, session: Session, now: datetime, source: str | None) -> None:
        self._session = session
        holds = active_holds(session, now)
        self._held = {hold.backup_id for hold in holds if hold.backup_id}
        self._held_sources = {hold.source for hold in holds if hold.backup_id is None}
        self._pinned = _ids(session.scalars(select(Backup.parent_id).where(Backup.state == BackupState.RUNNING)))
        self._used = _used(session)
        self._late = _late_copies(session, source)
        self.unreadable = _held_nowhere(session, source, set().union(*self._late.values()))
        """The backups that no region holds whole."""
        self._drilled: dict[str, dict[uuid.UUID, DrillState]] = {}

    def candidate(self, source: str, bare: Candidate) -> Candidate:
        if source not in self._drilled:
            self._drilled[source] = drilled_backups(self._session, source)
        drilled = self._drilled[source].get(bare.id)
        held = bare.id in self._held or source in self._held_sources
        obstructed = source in self._late or bare.id in self._pinned or bare.id in self._used
        blocks = tuple(self._blocks(source, bare)) if obstructed else ()
        if not (drilled or held or blocks):
            return bare
        proven, doubted = drilled is DrillState.PASSED, drilled is DrillState.FAILED
        return replace(bare, proven=proven, doubted=doubted, held=held, blocks=blocks)

    def _blocks(self, source: str, bare: Candidate) -> Iterable[Block]:
        if bare.id in self._pinned:
            yield Block.PINNED
        if bare.id in self._used:
            yield Block.IN_USE
        # A copy of a child brings the packs it shares with this backup into regions where nothing else would keep them.
        # What no region holds will never be copied: it would be in its own way.
        if self._late.get(source, frozenset()) - (frozenset() if bare.restorable else {bare.id}):
            yield Block.COPYING


def _late_copies(session: Session, source: str | None) -> dict[str, set[uuid.UUID]]:
    query = (
        select(Backup.source, Backup.id)
        .join(Replica, Replica.backup_id == Backup.id)
        .where(Backup.state == BackupState.COMMITTED, Replica.state != ReplicaState.PRESENT)
    )
    late: dict[str, set[uuid.UUID]] = defaultdict(set)
    for name, backup_id in session.execute(query if source is None else query.where(Backup.source == source)):
        late[name].add(backup_id)
    return late


def _held_nowhere(session: Session, source: str | None, late: set[uuid.UUID]) -> set[uuid.UUID]:
    """Return the backups of which no region has a whole copy: of few is any copy late, so only these are looked at."""
    bare = select(Backup.id).outerjoin(Replica).where(Backup.state == BackupState.COMMITTED)
    bare = bare if source is None else bare.where(Backup.source == source)
    nowhere = set(session.scalars(bare.where(Replica.backup_id.is_(None)))) | late
    ids = sorted(late)
    for start in range(0, len(ids), ROWS_A_STATEMENT):
        chunk = Replica.backup_id.in_(ids[start : start + ROWS_A_STATEMENT])
        nowhere -= set(session.scalars(select(Replica.backup_id).where(chunk, Replica.state == ReplicaState.PRESENT)))
    return nowhere


def _used(session: Session) -> set[uuid.UUID]:
    used: set[uuid.UUID] = set()
    for user in USING:
        query = select(user.backup_id).join(Job, Job.id == user.id).where(Job.state.not_in(FINAL_STATES))
        used |= _ids(session.scalars(query))
    return used


def _ids(found: Iterable[uuid.UUID | None]) -> set[uuid.UUID]:
    return {one for one in found if one is not None}
