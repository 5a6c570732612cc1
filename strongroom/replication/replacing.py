"""Giving a lost region up: whatever it held is wanted again, and is copied from the others."""

from sqlalchemy import func, select, update

from strongroom.catalog.backups import Backup, Replica, ReplicaState
from strongroom.services import Services


def count_replicas(services: Services, region: str) -> int:
    """Return how many backups the catalog says the region holds."""
    query = select(func.count()).where(Replica.region == region, Replica.state == ReplicaState.PRESENT)
    with services.catalog.read() as session:
        return session.scalar(query) or 0


def want_all_again(services: Services, region: str) -> int:
    """Mark everything the region held as wanted, and its backups as not protected; return how many there were."""
    lost = select(Replica.backup_id).where(Replica.region == region)
    with services.catalog.begin() as session:
        session.execute(update(Backup).where(Backup.id.in_(lost)).values(protected_at=None))
        states = {"state": ReplicaState.WANTED, "job_id": None, "updated_at": services.clock.now()}
        changed = session.scalars(
            update(Replica).where(Replica.region == region).values(states).returning(Replica.backup_id)
        )
        return len(changed.all())
