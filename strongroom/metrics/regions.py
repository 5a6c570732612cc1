"""Metrics of regions: what is missing there, what was checked, and how much room there is."""

import os
from collections.abc import Iterator
from datetime import datetime, timedelta

from prometheus_client.core import Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.backups import RegionCheck
from strongroom.catalog.region_verifications import PackReading, RegionVerification
from strongroom.metrics import definitions as metric
from strongroom.metrics.backups import CopiesByPlace
from strongroom.settings import RegionSettings, Settings


def region_families(session: Session, settings: Settings, copies: CopiesByPlace, now: datetime) -> Iterator[Metric]:
    """Yield what is measured of every region that is configured."""
    names = [region.name for region in settings.regions]
    held = {name: [known for (_, region), known in copies.items() if region == name] for name in names}
    oldest = {name: [one.oldest_missing for one in held[name] if one.oldest_missing] for name in names}
    yield metric.REPLICA_LAG.family({(name,): _age(min(oldest[name], default=now), now) for name in names})
    yield metric.REPLICA_MISSING.family({(name,): sum(one.missing_objects for one in held[name]) for name in names})
    yield metric.REGION_BYTES.family({(name,): sum(one.stored_bytes for one in held[name]) for name in names})
    yield metric.REGION_DAMAGED.family({(name,): sum(one.damaged for one in held[name]) for name in names})
    checks = [check for check in session.scalars(select(RegionCheck)) if check.region in names]
    yield metric.REGION_UP.family({(check.region,): check.fault is None for check in checks})
    yield metric.REGION_CHECKED.family({(check.region,): check.checked_at.timestamp() for check in checks})
    yield from _read_back(session, settings, names, now)
    yield metric.REGION_FREE.family({(region.name,): free for region in settings.regions if (free := _free(region))})


def _read_back(session: Session, settings: Settings, names: list[str], now: datetime) -> Iterator[Metric]:
    last = func.max(RegionVerification.finished_at)
    query = select(RegionVerification.region, RegionVerification.level, last).where(RegionVerification.passed.is_(True))
    passed = session.execute(query.group_by(RegionVerification.region, RegionVerification.level)).all()
    yield metric.REGION_VERIFIED.family(
        {(region, level.value): at.timestamp() for region, level, at in passed if region in names and at}
    )
    due = now - timedelta(days=settings.verification.read_every_days)
    unread = select(PackReading.region, func.count()).where(PackReading.unread_since < due)
    counts = dict(session.execute(unread.group_by(PackReading.region)).tuples().all())
    yield metric.REGION_UNREAD.family({(name,): counts.get(name, 0) for name in names})


def _free(region: RegionSettings) -> int | None:
    """Return the free bytes of a region's directory; None for buckets, and for one that this process does not see."""
    if region.path is None:
        return None
    try:
        found = os.statvfs(region.path)
    except OSError:
        return None
    return found.f_bavail * found.f_frsize


def _age(at: datetime, now: datetime) -> float:
    return max(0.0, (now - at).total_seconds())
