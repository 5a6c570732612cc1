"""What is known of each key version: who has to do with it, and when it was last written under."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.reencryption import QuarantinedRow
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.jobs.key_holders import LIVE_SECONDS, list_holders
from strongroom.rotation.registry import list_columns
from strongroom.rotation.retiring import list_backups_with
from strongroom.rotation.target import ColumnKind, Target
from strongroom.settings import ColumnKeySettings

VALUES_A_KEY = 2**32
"""What one version may encrypt in one column under random nonces (NIST SP 800-38D, section 8.3)."""
WORN_SHARE = 0.25


@dataclass(frozen=True, slots=True)
class Use:
    """How many of one kind have to do with a version, None for a column that was never counted.

    Of a column also its name, and when its rows were counted.
    """

    count: int | None
    place: str | None = None
    counted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """What a counter may ask."""

    session: Session
    settings: ColumnKeySettings
    version: KeyVersion


@dataclass(frozen=True, slots=True)
class UserCounter:
    """One kind of users of a version: its name in JSON, the sentence about each use, and who counts them.

    A use of a column is told even where it is none, since that is what somebody wants to know of a column.
    """

    kind: str
    sentence: str
    count: Callable[[Asked], Iterator[Use]]


@dataclass(frozen=True, slots=True)
class VersionUsage:
    """Who has to do with one version: uses by the kinds of USERS, in their order."""

    uses: Mapping[str, tuple[Use, ...]]
    written_until: datetime | None
    """When it ceased to be the active version, at the latest; None where it is, never was, or nobody knows."""


def describe_usage(session: Session, settings: ColumnKeySettings, ring: KeyRing) -> Mapping[str, VersionUsage]:
    """Return the usage of each version that has a key, as of the last census of each registered column."""
    there = [version for version in ring.versions.values() if version.state is not KeyState.DESTROYED]
    return {version.name: _usage(Asked(session, settings, version)) for version in there}


def is_due(ring: KeyRing, now: datetime, period_days: int) -> bool:
    """Say whether the active version has been in use for its whole period; one of unknown age is not called due."""
    active = ring.active_version()
    since = active.changed or active.created
    return since is not None and now - since >= timedelta(days=period_days)


def list_worn(session: Session, ring: KeyRing) -> list[str]:
    """Return the columns that have nearly as many rows under the active version as it may encrypt, by the last census.

    Values that were written over since are not in a census, so the reminder comes at a quarter of the limit.
    """
    counts = {column.place: (column.rows_by_version or {}).get(ring.active, 0) for column in list_columns(session)}
    return [place for place, rows in counts.items() if rows >= VALUES_A_KEY * WORN_SHARE]


def _usage(asked: Asked) -> VersionUsage:
    uses = {counter.kind: tuple(counter.count(asked)) for counter in USERS}
    read_only = asked.version.state in {KeyState.DECRYPT_ONLY, KeyState.DISABLED}
    return VersionUsage(uses, asked.version.changed if read_only else None)


def _count_rows(asked: Asked) -> Iterator[Use]:
    return _count_column_rows(asked, ColumnKind.TOKENS)


def _count_indexes(asked: Asked) -> Iterator[Use]:
    return _count_column_rows(asked, ColumnKind.INDEX)


def _count_column_rows(asked: Asked, kind: ColumnKind) -> Iterator[Use]:
    for column in list_columns(asked.session):
        if Target.of(column.target).kind is kind:
            counted = column.rows_by_version
            rows = None if counted is None else counted.get(asked.version.name, 0)
            yield Use(rows, column.place, column.counted_at)


def _count_quarantined(asked: Asked) -> Iterator[Use]:
    query = select(func.count()).select_from(QuarantinedRow)
    yield Use(asked.session.scalar(query.where(QuarantinedRow.version == asked.version.name)) or 0)


def _count_writers(asked: Asked) -> Iterator[Use]:
    holders = list_holders(asked.session, within_seconds=LIVE_SECONDS)
    yield Use(sum(holder.active == asked.version.name for holder in holders))


def _count_backups(asked: Asked) -> Iterator[Use]:
    yield Use(len(list_backups_with(asked.session, asked.settings, asked.version)))


USERS = (
    UserCounter("rows", "{count} rows of {place} (counted {when})", _count_rows),
    UserCounter("indexes", "{count} rows of {place} are indexed under it (counted {when})", _count_indexes),
    UserCounter("quarantined", "{count} quarantined rows", _count_quarantined),
    UserCounter("writers", "{count} live processes write under it", _count_writers),
    UserCounter("backups", "{count} kept backups may hold rows under it", _count_backups),
)
"""Everything that is listed for a version; what else comes to use versions is one more line here."""
