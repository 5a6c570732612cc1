"""Holds: what keeps a backup, or all of a source, whatever policies say."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy.orm import Session

from strongroom.backup.lookup import resolve_backup, verify_committed
from strongroom.catalog.backups import Backup
from strongroom.catalog.retention import AgreedPolicy, Hold, active_holds, lock_agreed
from strongroom.errors import InvalidInputError
from strongroom.ids import new_id, parse_id
from strongroom.retention.errors import HoldNotFoundError, HoldReasonError, HoldReleaseNotConfirmedError
from strongroom.retention.events import SYSTEM, note
from strongroom.retention.gathering import SourceBackups
from strongroom.retention.planning import BY_SETTINGS, policy_of
from strongroom.services import Services

SHORTEST_REASON = 3
REBUILT = "adopted by a rebuilt catalog, which does not know what was held or proven before"


@dataclass(frozen=True, slots=True)
class HoldRequest:
    """A hold on one backup (an id or latest:SOURCE) or on everything of a source; exactly one of the two is given."""

    backup: str | None
    source: str | None
    reason: str
    by: str
    until: datetime | None = None


def add_hold(services: Services, request: HoldRequest) -> Hold:
    """Place a hold; from then on nothing deletes what it names. Two holds on one backup are two.

    Raises what resolve_backup raises, UnknownSourceError, BackupNotCommittedError, HoldReasonError, InvalidInputError.
    """
    _verify_reason(request.reason)
    with services.catalog.begin() as session:
        source, backup = _named(services, session, request)
        _lock(services, session, source)
        if backup is not None:
            # Whoever decided what goes a moment ago has committed by now.
            session.refresh(backup, with_for_update=True)
            verify_committed(backup)
        hold = Hold(
            id=new_id(services.clock, services.random),
            source=source,
            backup_id=None if backup is None else backup.id,
            reason=request.reason.strip()[:500],
            placed_by=request.by[:120],
            placed_at=services.clock.now(),
            until=_until(services, request.until),
        )
        session.add(hold)
        note(session, services, request.by, "hold placed", (source, hold.backup_id), hold=str(hold.id), why=hold.reason)
    return hold


def holding_adopted(services: Services) -> Callable[[Session, str], None]:
    """Return what holds a source, once, of which a rebuilt catalog adopts backups.

    Which of them were held or proven, and which policy was agreed upon, the lost catalog alone knew.
    """

    def hold(session: Session, source: str) -> None:
        _lock(services, session, source)
        now = services.clock.now()
        if any(one.placed_by == SYSTEM and one.reason == REBUILT for one in active_holds(session, now, source)):
            return
        new = Hold(
            id=new_id(services.clock, services.random),
            source=source,
            reason=REBUILT,
            placed_by=SYSTEM,
            placed_at=now,
        )
        session.add(new)
        note(session, services, SYSTEM, "hold placed", (source, None), hold=str(new.id), why=REBUILT)

    return hold


def release_hold(services: Services, hold_id: str, *, reason: str, by: str, confirm: str | None) -> Hold:
    """End a hold; its row stays. Raises HoldNotFoundError, HoldReasonError, HoldReleaseNotConfirmedError."""
    _verify_reason(reason)
    with services.catalog.begin() as session:
        hold = session.get(Hold, parse_id(hold_id, "hold"), with_for_update=True)
        if hold is None or hold.released_at is not None:
            state = "was released before" if hold else "does not exist"
            raise HoldNotFoundError(f"The hold {hold_id} {state}.", next_step="List them: strongroom holds list")
        _verify_confirmed(hold, confirm)
        hold.released_at, hold.released_by = services.clock.now(), by[:120]
        hold.release_reason = reason.strip()[:500]
        note(session, services, by, "hold released", (hold.source, hold.backup_id), hold=str(hold.id), why=reason[:500])
    return hold


def _named(services: Services, session: Session, request: HoldRequest) -> tuple[str, Backup | None]:
    if (request.backup is None) == (request.source is None):
        raise InvalidInputError(
            "A hold is on one backup or on one source.", next_step="Name a backup, or give --source NAME."
        )
    if request.backup is not None:
        backup = resolve_backup(session, request.backup)
        return backup.source, backup
    return _known_source(services, session, str(request.source)), None


def _known_source(services: Services, session: Session, source: str) -> str:
    known = session.query(Backup.id).filter(Backup.source == source).limit(1).first()
    return source if known else services.settings.get_source(source).name


def _lock(services: Services, session: Session, source: str) -> None:
    policy, terms = policy_of(services.settings, SourceBackups(source, "", ()))
    lock_agreed(
        session,
        AgreedPolicy(
            source=source,
            policy=policy,
            terms={} if terms is None else terms.as_json(),
            agreed_by=BY_SETTINGS,
            agreed_at=services.clock.now(),
        ),
    )


def _until(services: Services, until: datetime | None) -> datetime | None:
    if until is not None and (until.tzinfo is None or until <= services.clock.now()):
        raise InvalidInputError(
            "A hold ends at a moment to come, with its time zone.",
            next_step="Write for example 2030-01-01T00:00Z.",
        )
    return until


def _verify_reason(reason: str) -> None:
    if len(reason.strip()) < SHORTEST_REASON:
        raise HoldReasonError("A hold is placed and released for a reason.", next_step="Say why, in a few words.")


def _verify_confirmed(hold: Hold, confirm: str | None) -> None:
    if confirm != hold.source:
        raise HoldReleaseNotConfirmedError(
            f"Without hold {hold.id}, backups of {hold.source} may be deleted.",
            next_step=f"If that is what you want: --confirm {hold.source}, or `confirm` over HTTP",
        )
