"""One watcher evaluates at a time: whoever holds the lease in the catalog. All of them send."""

from sqlalchemy import or_
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.inserting import insert_of
from strongroom.catalog.watching import WatchLease

LEASE = "evaluator"
LEASE_SECONDS = 20.0
"""Four rounds; as long after the death of the leader another takes over."""


def hold_lease(session: Session, owner: str) -> bool:
    """Take or keep the lease, and say whether this process has it now."""
    insert = insert_of(session)
    mine = {"owner": owner, "until": utcnow(LEASE_SECONDS)}
    statement = insert(WatchLease).values(name=LEASE, **mine)
    # A lease that ends later than any is given was given before the clock of the database was set back.
    ended = or_(WatchLease.until <= utcnow(), WatchLease.until > utcnow(2 * LEASE_SECONDS))
    free = or_(ended, WatchLease.owner == owner)
    statement = statement.on_conflict_do_update(index_elements=["name"], set_=mine, where=free)
    return session.scalar(statement.returning(WatchLease.owner)) == owner


def give_up_lease(session: Session, owner: str) -> None:
    """Let another take over at once, as a watcher does that ends in order."""
    lease = session.get(WatchLease, LEASE, with_for_update=True)
    if lease is not None and lease.owner == owner:
        session.delete(lease)
