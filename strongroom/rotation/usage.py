"""What is known of each key version: rows of columns, processes, backups, and when it was last written under."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.reencryption import QuarantinedRow
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.jobs.key_holders import LIVE_SECONDS, list_holders
from strongroom.rotation.registry import list_columns
from strongroom.rotation.retiring import list_backups_with
from strongroom.settings import ColumnKeySettings


@dataclass(frozen=True, slots=True)
class CountedRows:
    """Rows of one column under a version, and when they were counted."""

    place: str
    rows: int
    counted_at: datetime | None


@dataclass(frozen=True, slots=True)
class VersionUsage:
    """Who has to do with one version."""

    rows: tuple[CountedRows, ...]
    quarantined: int
    writers: int
    """Live processes that write under it."""
    backups: int
    """Kept backups that may hold rows under it."""
    written_until: datetime | None
    """When it ceased to be the active version; None where it is, was never, or nobody wrote that down."""


def describe_usage(session: Session, settings: ColumnKeySettings, ring: KeyRing) -> Mapping[str, VersionUsage]:
    """Return the usage of each version that has a key, as of the last census of each registered column."""
    there = [version for version in ring.versions.values() if version.state is not KeyState.DESTROYED]
    return {version.name: _usage(session, settings, version) for version in there}


def is_due(ring: KeyRing, now: datetime, period_days: int) -> bool:
    """Say whether the active version has been in use for its whole period; one of unknown age is not called due."""
    active = ring.active_version()
    since = active.changed or active.created
    return since is not None and now - since >= timedelta(days=period_days)


def _usage(session: Session, settings: ColumnKeySettings, version: KeyVersion) -> VersionUsage:
    columns = list_columns(session)
    counted = (CountedRows(c.place, (c.rows_by_version or {}).get(version.name, 0), c.counted_at) for c in columns)
    quarantined = select(func.count()).select_from(QuarantinedRow).where(QuarantinedRow.version == version.name)
    holders = list_holders(session, within_seconds=LIVE_SECONDS)
    read_only = version.state in {KeyState.DECRYPT_ONLY, KeyState.DISABLED}
    return VersionUsage(
        rows=tuple(counted),
        quarantined=session.scalar(quarantined) or 0,
        writers=sum(holder.active == version.name for holder in holders),
        backups=len(list_backups_with(session, settings, version)),
        written_until=version.changed if read_only else None,
    )
