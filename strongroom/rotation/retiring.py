"""Whether a key version may go: nothing that is live or kept may still need it."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.catalog.backups import Backup, BackupState
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.jobs.key_holders import list_writing
from strongroom.rotation.errors import VersionNeededError
from strongroom.rotation.references import References, count_references
from strongroom.services import Services
from strongroom.settings import ColumnKeySettings

_KEPT = (BackupState.RUNNING, BackupState.COMMITTED)
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


def live_needs(services: Services, names: Iterable[str], references: References | None = None) -> dict[str, list[str]]:
    """Say for each version why data or a process that is live needs it; counts every registered column anew.

    What cannot be counted needs every version.
    """
    counted = references or count_references(services, for_proof=True)
    # Where no column is known nothing was counted, and nothing is proven.
    unproven = [] if counted.columns else ["no encrypted column is registered, so no row of it could be counted"]
    with services.catalog.read() as session:
        return {name: unproven + counted.reasons_to_keep(name) + _writers(session, name) for name in names}


def kept_needs(services: Services, versions: Iterable[KeyVersion]) -> dict[str, list[str]]:
    """Say for each version which kept backups may hold tokens under it."""
    with services.catalog.read() as session:
        return {version.name: _backups(session, services, version) for version in versions}


def verify_not_needed(needs: dict[str, list[str]]) -> None:
    """Return when no version has a reason to stay; raises VersionNeededError."""
    needed = {name: reasons for name, reasons in needs.items() if reasons}
    if needed:
        words = "; ".join(f"{name}: {', '.join(reasons[:8])}" for name, reasons in needed.items())
        raise VersionNeededError(
            f"A version that is still needed is not removed. {words}.",
            next_step="Re-encrypt the rows, end or update the processes, and disable the version until the backups "
            "have expired.",
        )


def list_backups_with(session: Session, settings: ColumnKeySettings, version: KeyVersion) -> Sequence[Backup]:
    """Return the kept backups that may hold tokens under a version, oldest first.

    Those of the sources that hold encrypted columns, finished after the version was made and, where it is disabled,
    begun before that: no row was under it any more when it was.
    """
    query = select(Backup).where(Backup.state.in_(_KEPT)).order_by(Backup.created_at)
    if settings.sources is None:
        query = query.where(Backup.source_kind.in_(("postgres", "rds")))
    else:
        query = query.where(Backup.source.in_(settings.sources))
    if version.created is not None:
        query = query.where((Backup.committed_at.is_(None)) | (Backup.committed_at >= version.created))
    if version.state is KeyState.DISABLED and version.changed is not None:
        # The file keeps whole seconds: what was begun within the same one counts as begun before.
        query = query.where(Backup.created_at < version.changed + timedelta(seconds=1))
    return session.scalars(query).all()


def oldest_beyond(ring: KeyRing, keep: int) -> list[str]:
    """Return the versions that only read or are disabled, apart from the `keep` newest of all; oldest first."""
    there = [version for version in ring.versions.values() if version.state is not KeyState.DESTROYED]
    by_age = sorted(there, key=lambda version: (version.created or _LONG_AGO, len(version.name), version.name))
    aged = by_age[: max(0, len(by_age) - keep)]
    return [version.name for version in aged if version.state in {KeyState.DECRYPT_ONLY, KeyState.DISABLED}]


def _writers(session: Session, name: str) -> list[str]:
    return [f"process {writer} may write under it" for writer in list_writing(session, name)]


def _backups(session: Session, services: Services, version: KeyVersion) -> list[str]:
    found = list_backups_with(session, services.settings.column_keys, version)
    if not found:
        return []
    return [f"{len(found)} kept backups may hold rows under it, the newest of {found[-1].created_at:%Y-%m-%d %H:%M}"]
