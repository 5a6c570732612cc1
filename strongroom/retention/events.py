"""Writing down who changed what is kept."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.retention import RetentionEvent
from strongroom.ids import new_id
from strongroom.services import Services

SYSTEM = "strongroom"
"""Who did what no person asked for."""


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
