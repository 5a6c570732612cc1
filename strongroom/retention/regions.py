"""How far the end of a backup has come in one region, as the catalog is told: each change a transaction of its own.

None is a step of a job: all of it can be repeated, and operators do it without one.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, keep_open
from strongroom.catalog.inserting import lock_row
from strongroom.catalog.retention import Expiry, ExpiryRegion, ShredState
from strongroom.errors import IntegrityError, StrongroomError
from strongroom.services import Services
from strongroom.storage.store import ObjectVersion

TAMPERED = "retention.tampered"


def note_slots(services: Services, expiry: Expiry, region: str, found: list[ObjectVersion]) -> None:
    """Add key slots to what the receipt will name."""
    with services.catalog.begin() as session:
        state = _state(session, expiry, region)
        known = [list(slot) for slot in state.slots or []]
        new = [[slot.key, slot.version] for slot in found]
        state.slots = known + [slot for slot in new if slot not in known]


def note_outcome(services: Services, expiry: Expiry, region: str, retained_until: datetime | None) -> None:
    """Write down that no slot is left, or until when a lock keeps some."""
    with services.catalog.begin() as session:
        state = _state(session, expiry, region)
        state.retained_until, state.last_error = retained_until, None
        if retained_until is not None:
            state.state = ShredState.RETAINED
        else:
            state.state, state.done_at = ShredState.DONE, services.clock.now()


def note_fault(services: Services, expiry: Expiry, region: str, error: StrongroomError) -> None:
    """Write down what kept the region from going on; an object that is not ours is an alert as well."""
    with services.catalog.begin() as session:
        _state(session, expiry, region).last_error = f"{error.code}: {error.what}"[:500]
        if isinstance(error, IntegrityError):
            keep_open(session, _report(services, expiry, region, error))


def clear_faults(session: Session, services: Services, expiry: Expiry) -> None:
    """Resolve the alerts about the source of a backup that has come to its end, where no other one has its faults."""
    faulty = select(ExpiryRegion.region).join(Expiry, Expiry.backup_id == ExpiryRegion.backup_id)
    faulty = faulty.where(Expiry.source == expiry.source, Expiry.finished_at.is_(None))
    faulty = faulty.where(ExpiryRegion.last_error.is_not(None), Expiry.backup_id != expiry.backup_id)
    note = f"The keys of backup {expiry.backup_id} are destroyed, and its receipt is in place."
    for region in services.stores.keys() - set(session.scalars(faulty)):
        clear_alerts(session, cause=TAMPERED, source=expiry.source, region=region, now=services.clock.now(), note=note)


def _state(session: Session, expiry: Expiry, region: str) -> ExpiryRegion:
    key = (expiry.backup_id, region)
    # There is none of a region that was added to the settings since the decision.
    values = {"backup_id": expiry.backup_id, "region": region, "state": ShredState.WANTED}
    return lock_row(session, ExpiryRegion, key, **values)


def _report(services: Services, expiry: Expiry, region: str, error: StrongroomError) -> AlertReport:
    return AlertReport(
        type=AlertType.INTEGRITY,
        severity=Severity.HIGH,
        cause=TAMPERED,
        message=f"The end of backup {expiry.backup_id} of {expiry.source} is not finished: {error.what}",
        next_step=f"See: strongroom retention receipt {expiry.backup_id}",
        at=services.clock.now(),
        source=expiry.source,
        region=region,
        backup_id=expiry.backup_id,
    )
