"""Writing down who changed what is kept."""

import uuid
from collections.abc import Mapping
from typing import Any

from sqlalchemy.orm import Session

from strongroom.audit.acting import describe, find_binding
from strongroom.audit.events import AuditAction, AuditEvent, digest
from strongroom.audit.recording import record
from strongroom.catalog.retention import RetentionEvent
from strongroom.ids import new_id
from strongroom.services import Services

SYSTEM = "strongroom"
"""Who did what no person asked for."""


_DELETIONS = frozenset({"expired", "keys destroyed", "snapshots deleted"})


def note(
    session: Session,
    services: Services,
    actor: str,
    action: str,
    about: tuple[str, uuid.UUID | None],
    **detail: Any,
) -> None:
    """Add a line about a source, and a backup of it if it is one, in the caller's transaction."""
    source, backup_id = about
    session.add(
        RetentionEvent(
            id=new_id(services.clock, services.random),
            at=services.clock.now(),
            actor=actor[:120],
            action=action,
            source=source,
            backup_id=backup_id,
            detail=detail,
        )
    )
    _tell(session, action, f"{source} {backup_id or ''}".rstrip(), detail)


def _tell(session: Session, action: str, target: str, detail: Mapping[str, Any]) -> None:
    """Have the audit log know of it: in the row of the act it belongs to, or in one of its own."""
    before, after = (digest(detail[name]) if name in detail else "" for name in ("before", "after"))
    why = str(detail.get("why", ""))
    binding = find_binding()
    if binding is not None and binding.owes_a_row:
        describe(target, reason=why, before=before, after=after or digest(detail))
    else:
        name = AuditAction.SENSITIVE_DELETE if action in _DELETIONS else AuditAction.SENSITIVE_UPDATE
        record(
            session, AuditEvent(name, target, reason=f"{action}: {why}".removesuffix(": "), before=before, after=after)
        )
