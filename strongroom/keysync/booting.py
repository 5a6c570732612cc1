"""This provider's incarnation: kept in the catalog, and a new one when the catalog is not the one it was."""

import logging
from datetime import datetime

from sqlalchemy import literal, select
from sqlalchemy.orm import Session

from strongroom.catalog.inserting import insert_of
from strongroom.catalog.lineage import DatabaseLineage
from strongroom.catalog.session import Catalog
from strongroom.catalog.skip_key_queries import end_everything
from strongroom.catalog.skip_peers import SkipBoot
from strongroom.clock import Clock, RandomBytes

log = logging.getLogger(__name__)

_ROW = 1
# Put together once: every message asks this.
_OURS = select(SkipBoot.boot).where(SkipBoot.lineage == DatabaseLineage())


def boot_of(catalog: Catalog, clock: Clock, random: RandomBytes) -> tuple[int, bool]:
    """Return the incarnation, 63 bits, and whether it may be new to this process.

    Makes one and voids every key where the database was restored or is another; any number of processes may find that
    out at the same time.
    """
    with catalog.read() as session:
        boot = session.scalar(_OURS)
    if boot is not None:
        return boot, False
    with catalog.begin() as session:
        if _claim(session, clock.now(), random):
            log.warning("skip.new_boot: a new or restored database; voided %d keys", end_everything(session))
        return session.scalars(select(SkipBoot.boot)).one(), True


def renew_boot(session: Session, now: datetime, random: RandomBytes) -> int:
    """Begin a new incarnation and void every key; return how many were unspent. Peers void their halves on hearing."""
    session.merge(SkipBoot(id=_ROW, boot=_random_boot(random), lineage="", created_at=now))
    session.flush()
    _claim(session, now, random)
    return end_everything(session)


def _claim(session: Session, now: datetime, random: RandomBytes) -> bool:
    """Write a new incarnation unless somebody has just done so for this database."""
    insert = insert_of(session)
    new = insert(SkipBoot).values(id=_ROW, boot=_random_boot(random), lineage=DatabaseLineage(), created_at=now)
    changed = {"boot": new.excluded.boot, "lineage": new.excluded.lineage, "created_at": new.excluded.created_at}
    wanted = new.on_conflict_do_update(
        index_elements=["id"], set_=changed, where=SkipBoot.lineage != new.excluded.lineage
    ).returning(literal(1))
    return session.scalar(wanted) is not None


def _random_boot(random: RandomBytes) -> int:
    return int.from_bytes(random(8), "big") >> 1
