"""Which kind of backup is made, and upon which parent."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from strongroom.backup.errors import KindNotOfferedError
from strongroom.catalog.backups import BackupKind
from strongroom.settings import CloudWatchLogsSourceSettings, SourceSettings
from strongroom.settings.schedules import FilesScheduleSettings, ScheduleSettings

FULL_AGAIN_AFTER = timedelta(days=7)
"""Without a schedule; a full backup bounds how long a pack, and whatever may have befallen it, is relied on."""


class RequestedKind(StrEnum):
    """What somebody asks for: a kind of backup, or whichever is due."""

    AUTO = "auto"
    FULL = "full"
    DIFFERENTIAL = "differential"
    INCREMENTAL = "incremental"


@dataclass(frozen=True, slots=True)
class LastBackups:
    """When the last committed backups of these kinds were begun; None where there is none."""

    full: datetime | None = None
    differential: datetime | None = None
    any: datetime | None = None


def verify_offered(source: SourceSettings, kind: RequestedKind) -> None:
    """Check that the source can be backed up in this kind; raises KindNotOfferedError."""
    if isinstance(source, CloudWatchLogsSourceSettings) and kind is RequestedKind.DIFFERENTIAL:
        raise KindNotOfferedError(
            f"Source {source.name!r} ({source.kind}) stands upon its last backup, which has what is no longer there.",
            next_step="Ask for --type incremental, or leave it out.",
        )
    if isinstance(source.schedule, FilesScheduleSettings) or kind in {RequestedKind.AUTO, RequestedKind.FULL}:
        return
    raise KindNotOfferedError(
        f"Source {source.name!r} ({source.kind}) is backed up in full only, not {kind}.",
        next_step="Ask for --type full, or leave it out.",
    )


def plan_kind(source: SourceSettings, wanted: RequestedKind, last: LastBackups, now: datetime) -> BackupKind:
    """Decide what a backup is: what was asked for, else what the source's schedule says is due.

    Without a committed full backup there is nothing to stand upon, so that it is a full one. A backup of log groups
    stands upon any: what has gone from CloudWatch Logs since is in there alone, whether a full one is left or not.
    """
    if isinstance(source, CloudWatchLogsSourceSettings):
        begins = last.any is None or wanted is RequestedKind.FULL
        return BackupKind.FULL if begins else BackupKind.INCREMENTAL
    if not isinstance(source.schedule, FilesScheduleSettings) or last.full is None:
        return BackupKind.FULL
    if wanted is not RequestedKind.AUTO:
        return BackupKind(wanted.value)
    if not source.schedule.enabled:
        return BackupKind.FULL if now - last.full > FULL_AGAIN_AFTER else BackupKind.INCREMENTAL
    return due_kind(source.schedule, now, last_full=last.full, last_differential=last.differential)


def due_kind(
    schedule: ScheduleSettings, now: datetime, *, last_full: datetime | None, last_differential: datetime | None
) -> BackupKind:
    """Return the kind that is due: one that was missed, or failed, is due until a backup as strong was made.

    The arguments say when the last committed backups of these kinds were begun.
    """
    crons = schedule.crons()
    full_due = crons["full"].latest(now)
    if last_full is None or "differential" not in crons or (full_due is not None and last_full < full_due):
        return BackupKind.FULL
    differential_due = crons["differential"].latest(now)
    done = max(last_full, last_differential or last_full)
    if differential_due is not None and done < differential_due:
        return BackupKind.DIFFERENTIAL
    return BackupKind.INCREMENTAL
