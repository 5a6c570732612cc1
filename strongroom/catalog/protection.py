"""When a backup counts as protected."""

import uuid
from datetime import datetime

from sqlalchemy.orm import Session

from strongroom.catalog.backup_queries import list_replicas
from strongroom.catalog.backups import Backup, ReplicaState


def protect_if_whole(session: Session, backup_id: uuid.UUID, now: datetime) -> None:
    """Call the backup protected once every region its policy asks for holds it: a predicate, never a counter."""
    # The row lock makes two copies that end together see each other.
    backup = session.get_one(Backup, backup_id, with_for_update=True)
    present = {r.region for r in list_replicas(session, backup_id) if r.state is ReplicaState.PRESENT}
    if backup.protected_at is None and present.issuperset(backup.regions):
        backup.protected_at = now
