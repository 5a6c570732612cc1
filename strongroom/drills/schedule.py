"""When drills are held by themselves: what is due is compared with what was asked for."""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.backup.schedule import is_unfinished
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.drills import Drill, find_newest_protected
from strongroom.catalog.schedules import DrillProgress, list_progress, lock_progress
from strongroom.cron import Cron
from strongroom.drills.requests import DrillRequest, enqueue_drill
from strongroom.services import Services
from strongroom.settings.drills import DrillSettings, drill_settings_of


@dataclass(frozen=True, slots=True)
class DrillSchedule:
    """A source whose drills are held by themselves, and when."""

    source: str
    cron: Cron
    spec: str
    """SHA-256 of the settings: another schedule begins where it was first seen."""


@dataclass(frozen=True, slots=True)
class DrillTimes:
    """When drills of a source are held by themselves: the last moment that was due, and the next ones; in UTC."""

    enabled: bool
    time_zone: str
    cron: str
    last: datetime | None
    next: tuple[datetime, ...]


def drill_times(services: Services, *, count: int) -> dict[str, DrillTimes]:
    """Return of every source that can be drilled when that is done, with its next `count` moments."""
    with services.catalog.read() as session:
        now = _now(session)
    found = ((name, drill_settings_of(source)) for name, source in services.settings.sources.items())
    return {name: _times(settings, now, count) for name, settings in found if settings is not None}


def drill_schedules(services: Services) -> list[DrillSchedule]:
    """Return the schedule of every source that has one."""
    found = ((name, drill_settings_of(source)) for name, source in services.settings.sources.items())
    return [_schedule(name, settings) for name, settings in found if settings is not None and settings.enabled]


def dispatch_due_drills(services: Services) -> list[Drill]:
    """Ask for a drill of every source that is due, once however many moments were missed.

    Any number of processes may do this at once. A source stays due while its last drill has not ended, and until it has
    a protected backup.
    """
    with services.catalog.read() as session:
        now = _now(session)
        followed = list_progress(session, DrillProgress)
    due = [one for one in drill_schedules(services) if _may_be_due(one, followed.get(one.source), now)]
    return [drill for schedule in due if (drill := _dispatch(services, schedule)) is not None]


def _dispatch(services: Services, schedule: DrillSchedule) -> Drill | None:
    with services.catalog.begin() as session:
        now = _now(session)
        progress = lock_progress(session, DrillProgress, schedule.source, schedule.spec, now)
        slot = schedule.cron.latest(now)
        if slot is None or slot <= progress.followed_until or is_unfinished(session, progress.job_id):
            return None
        if find_newest_protected(session, schedule.source) is None:
            return None
        request = DrillRequest(schedule.source, services.random(16).hex())
        drill = enqueue_drill(services, session, request, f"drill:{schedule.source}:{slot:%Y-%m-%dT%H:%MZ}")
        progress.followed_until, progress.job_id = slot, drill.id
        return drill


def _may_be_due(schedule: DrillSchedule, progress: DrillProgress | None, now: datetime) -> bool:
    if progress is None or progress.spec != schedule.spec or progress.followed_until > now:
        return True
    slot = schedule.cron.latest(now)
    return slot is not None and slot > progress.followed_until


def _times(settings: DrillSettings, now: datetime, count: int) -> DrillTimes:
    cron = Cron(settings.cron, settings.time_zone)
    following: list[datetime] = []
    while settings.enabled and len(following) < count and (at := cron.next(following[-1] if following else now)):
        following.append(at)
    return DrillTimes(settings.enabled, settings.time_zone, settings.cron, cron.latest(now), tuple(following))


def _schedule(source: str, settings: DrillSettings) -> DrillSchedule:
    spec = hashlib.sha256(f"{settings.cron} {settings.time_zone}".encode()).hexdigest()
    return DrillSchedule(source, Cron(settings.cron, settings.time_zone), spec)


def _now(session: Session) -> datetime:
    return session.scalars(select(utcnow())).one()
