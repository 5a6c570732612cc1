"""Having something written down, by whoever does it."""

from sqlalchemy.orm import Session

from strongroom.audit.acting import Actor, Binding
from strongroom.audit.events import AuditEvent, Outcome
from strongroom.catalog.session import Catalog

_PENDING = "strongroom_audit"


def record(session: Session, event: AuditEvent, actor: Actor | None = None) -> None:
    """Have an event written down when this transaction commits: both happen, or neither does.

    Whoever is bound with `acting` then is who did it, unless another actor is given.
    """
    session.info.setdefault(_PENDING, []).append((event, actor))


def record_alone(catalog: Catalog, event: AuditEvent) -> None:
    """Write down what changed nothing, such as a refusal, in a transaction of its own.

    It spends no permit of a change that may still come. Raises CatalogUnavailableError, and as PurposeKeys.get: a
    refusal stays one all the same, so whoever refuses lets the log say it then.
    """
    with catalog.aside() as session:
        record(session, event)


def act_of(binding: Binding, outcome: Outcome = Outcome.DONE, reason: str = "") -> AuditEvent:
    """Return the event that says what became of the operation somebody is bound for."""
    why = "; ".join(filter(None, (reason, binding.reason)))
    return AuditEvent(
        binding.action or binding.actor.operation, binding.target, outcome, why, binding.before, binding.after
    )


def says_done(session: Session) -> bool:
    """Say whether a transaction tells of something that was done already, in a row of its own."""
    pending: list[tuple[AuditEvent, Actor | None]] = session.info.get(_PENDING, [])
    return any(event.outcome is Outcome.DONE for event, _ in pending)


def take_pending(session: Session) -> list[tuple[AuditEvent, Actor | None]]:
    """Return what is to be written down, and by whom where that is not whoever is bound, and forget it."""
    pending: list[tuple[AuditEvent, Actor | None]] = session.info.pop(_PENDING, [])
    return pending
