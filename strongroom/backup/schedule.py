"""When sources are backed up by themselves: what is due is compared with what was asked for."""

import hashlib
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.backup.kinds import RequestedKind
from strongroom.backup.requests import BackupRequest, plan_backup
from strongroom.catalog.backups import BackupKind
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import FINAL_STATES, Job
from strongroom.catalog.schedules import ScheduleProgress, list_progress, lock_progress
from strongroom.services import Services
from strongroom.settings import SourceSettings
from strongroom.settings.schedules import ScheduleSettings


@dataclass(frozen=True, slots=True)
class Slot:
    """A moment at which a source is due, and the kind of backup that is due then."""

    at: datetime
    kind: BackupKind


@dataclass(frozen=True, slots=True)
class ScheduleStatus:
    """A source's schedule: the last moment that was due, and the next ones; all in UTC."""

    source: str
    enabled: bool
    time_zone: str
    crons: dict[str, str]
    last: datetime | None
    next: tuple[Slot, ...]


def latest_slot(schedule: ScheduleSettings, at: datetime) -> datetime | None:
    """Return the last moment, not after `at`, at which any kind of backup was due."""
    moments = [cron.latest(at) for cron in schedule.crons().values()]
    return max((moment for moment in moments if moment is not None), default=None)


def next_slots(schedule: ScheduleSettings, after: datetime) -> Iterator[Slot]:
    """Yield the moments after `after`, each with the strongest kind that is due then."""
    while True:
        due = {kind: cron.next(after) for kind, cron in schedule.crons().items()}
        moments = [moment for moment in due.values() if moment is not None]
        if not moments:
            return
        after = min(moments)
        yield Slot(after, next(BackupKind(kind) for kind, moment in due.items() if moment == after))


def dispatch_due(services: Services) -> list[Job]:
    """Ask for a backup of every source that is due, once however many moments were missed.

    Any number of processes may do this at once. A source whose last scheduled backup has not ended stays due.
    """
    with services.catalog.read() as session:
        now = _now(session)
        followed = list_progress(session, ScheduleProgress)
    due = [s for s in services.settings.sources.values() if s.schedule.enabled and _may_be_due(s, followed, now)]
    return [job for source in due if (job := _dispatch(services, source)) is not None]


def is_unfinished(session: Session, job_id: uuid.UUID | None) -> bool:
    """Say whether there is such a job and it has not ended."""
    job = None if job_id is None else session.get(Job, job_id)
    return job is not None and job.state not in FINAL_STATES


def schedules(services: Services, *, count: int) -> list[ScheduleStatus]:
    """Return every source's schedule with its next `count` moments."""
    with services.catalog.read() as session:
        now = _now(session)
    return [_describe(source, now, count) for source in services.settings.sources.values()]


def _dispatch(services: Services, source: SourceSettings) -> Job | None:
    with services.catalog.begin() as session:
        now = _now(session)
        progress = lock_progress(session, ScheduleProgress, source.name, _spec(source), now)
        slot = latest_slot(source.schedule, now)
        if slot is None or slot <= progress.followed_until or is_unfinished(session, progress.job_id):
            return None
        request = BackupRequest(source.name, RequestedKind.AUTO, None, services.random(16).hex())
        planned = replace(plan_backup(services.settings, request), dedupe_key=_dedupe_key(source.name, slot))
        job = services.ledger.enqueue(session, planned)
        progress.followed_until, progress.job_id = slot, job.id
        return job


def _may_be_due(source: SourceSettings, followed: dict[str, ScheduleProgress], now: datetime) -> bool:
    progress = followed.get(source.name)
    if progress is None or progress.spec != _spec(source) or progress.followed_until > now:
        return True
    slot = latest_slot(source.schedule, now)
    return slot is not None and slot > progress.followed_until


def _dedupe_key(source: str, slot: datetime) -> str:
    return f"schedule:{source}:{slot:%Y-%m-%dT%H:%MZ}"


def _spec(source: SourceSettings) -> str:
    return hashlib.sha256(source.schedule.model_dump_json().encode()).hexdigest()


def _now(session: Session) -> datetime:
    return session.scalars(select(utcnow())).one()


def _describe(source: SourceSettings, now: datetime, count: int) -> ScheduleStatus:
    schedule = source.schedule
    following = next_slots(schedule, now)
    return ScheduleStatus(
        source=source.name,
        enabled=schedule.enabled,
        time_zone=schedule.time_zone,
        crons={kind: cron.expression for kind, cron in schedule.crons().items()},
        last=latest_slot(schedule, now),
        next=tuple(slot for _, slot in zip(range(count), following, strict=False)) if schedule.enabled else (),
    )
