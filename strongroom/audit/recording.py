"""Having something written down, by whoever does it."""

from sqlalchemy.orm import Session

from strongroom.audit.events import AuditEvent
from strongroom.catalog.session import Catalog

_PENDING = "strongroom_audit"


def record(session: Session, event: AuditEvent) -> None:
    """Have an event written down when this transaction commits: both happen, or neither does.

    Whoever is bound with `acting` then is who did it.
    """
    session.info.setdefault(_PENDING, []).append(event)


def record_alone(catalog: Catalog, event: AuditEvent) -> None:
    """Write down what changed nothing, such as a refusal, in a transaction of its own.

    It spends no permit of a change that may still come. Raises CatalogUnavailableError, and as PurposeKeys.get: a
    refusal stays one all the same, so whoever refuses lets the log say it then.
    """
    with catalog.aside() as session:
        record(session, event)


def take_pending(session: Session) -> list[AuditEvent]:
    """Return what is to be written down, and forget it."""
    pending: list[AuditEvent] = session.info.pop(_PENDING, [])
    return pending
