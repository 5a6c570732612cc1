"""What happened around logins, written down: with the reasons that whoever was refused is not told."""

import logging
from collections.abc import Callable

from sqlalchemy.orm import Session

from strongroom.audit.events import AuditAction, AuditEvent, Outcome
from strongroom.audit.recording import record
from strongroom.catalog.session import Catalog

log = logging.getLogger(__name__)

Refuse = Callable[[AuditEvent], None]
"""Takes a refusal that changes nothing, so that it may be counted with others of its kind."""

_REFUSALS = {
    AuditAction.MFA_CHALLENGE_FAILED,
    AuditAction.LOGIN_FAIL,
    AuditAction.LOGIN_FAIL_MAX,
    AuditAction.LOGIN_LOCK,
    AuditAction.RATE_LIMIT_EXCEEDED,
    AuditAction.TOKEN_REUSE,
}


def write_down(
    session: Session, action: AuditAction, subject: str, reason: str = "", *, before: str = "", after: str = ""
) -> None:
    """Write one thing to the log, and to the audit log in the transaction of what happened.

    `subject` is an account's id, or says that it is nobody's. `before` and `after` are digests of what is changed.
    No name that was typed is written: people type passwords where names belong.
    """
    event = _told(action, subject, reason)
    outcome = Outcome.REFUSED if action in _REFUSALS else Outcome.DONE
    record(session, AuditEvent(event, subject, outcome, reason, before, after))


def refuse_in_log(session: Session, refuse: Refuse | None, action: AuditAction, subject: str, reason: str = "") -> None:
    """Write down a refusal that comes as often as somebody likes: with others of its kind, where that is possible."""
    if refuse is None:
        write_down(session, action, subject, reason)
    else:
        refuse(AuditEvent(_told(action, subject, reason), subject, Outcome.REFUSED, reason))


def refuse_alone(catalog: Catalog, refuse: Refuse | None, action: AuditAction, subject: str, reason: str = "") -> None:
    """Write down a refusal that changes nothing; a transaction is opened only where nobody counts it with others."""
    if refuse is not None:
        refuse(AuditEvent(_told(action, subject, reason), subject, Outcome.REFUSED, reason))
        return
    with catalog.aside() as session:
        write_down(session, action, subject, reason)


def _told(action: AuditAction, subject: str, reason: str) -> str:
    level = logging.WARNING if action in _REFUSALS else logging.INFO
    log.log(level, "%s user_id=%s%s", action.value, subject, f" reason={reason}" if reason else "")
    return action.value
