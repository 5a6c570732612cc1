"""Metrics of retention: what went, and what was kept because something was in the way."""

from collections.abc import Iterator

from prometheus_client.core import Metric
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.backups import Backup
from strongroom.catalog.retention import Expiry
from strongroom.catalog.tallies import Counted
from strongroom.metrics import definitions as metric
from strongroom.metrics.definition import Labels
from strongroom.metrics.tallied import Tallies, tallied
from strongroom.settings import Settings


def retention_families(session: Session, settings: Settings, tallies: Tallies) -> Iterator[Metric]:
    """Yield what is measured of every policy."""
    query = select(Expiry.policy, func.sum(Backup.stored_bytes)).join(Backup, Backup.id == Expiry.backup_id)
    query = query.where(Expiry.finished_at.is_not(None)).group_by(Expiry.policy)
    deleted: dict[Labels, float] = {(policy,): 0.0 for policy in settings.policies}
    deleted |= {(policy,): float(size) for policy, size in session.execute(query).tuples()}
    yield metric.DELETED_BYTES.family(deleted)
    policies = [(policy,) for policy in settings.policies]
    yield metric.BLOCKED.family(tallied(tallies, Counted.RETENTION_BLOCKED, policies, only=False))
