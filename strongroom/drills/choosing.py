"""Which backup a drill restores, and from which region."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from strongroom.catalog.backup_queries import get_backup, list_replicas
from strongroom.catalog.backups import Backup, ReplicaState
from strongroom.catalog.drills import find_newest_protected, regions_that_failed
from strongroom.clock import RandomBytes
from strongroom.drills.errors import NothingToDrillError
from strongroom.jobs.context import JobContext
from strongroom.services import Services


@dataclass(frozen=True, slots=True)
class Choice:
    """The backup to restore and the region to read."""

    backup_id: uuid.UUID
    region: str


def choose(services: Services, context: JobContext) -> Choice:
    """Choose once for all attempts: the same region again, so that one which fails is not passed over by luck.

    Raises NothingToDrillError.
    """

    def effect(session: Session) -> dict[str, str]:
        backup = _backup(session, context)
        region = context.args["region"] or _draw(services, session, backup)
        return {"backup": str(backup.id), "region": region}

    chosen = context.step("chosen", effect) or {}
    return Choice(uuid.UUID(chosen["backup"]), chosen["region"])


def draw(regions: Sequence[str], failed: Sequence[str], random: RandomBytes) -> str:
    """Return one of the regions by chance; those where the last drill failed come before all others."""
    candidates = sorted(set(regions) & set(failed)) or sorted(regions)
    return candidates[int.from_bytes(random(8), "big") % len(candidates)]


def _backup(session: Session, context: JobContext) -> Backup:
    if context.args["backup"] is not None:
        return get_backup(session, uuid.UUID(context.args["backup"]))
    backup = find_newest_protected(session, context.args["source"])
    if backup is None:
        raise _nothing(context.args["source"])
    return backup


def _draw(services: Services, session: Session, backup: Backup) -> str:
    known = {region.name for region in services.settings.regions}
    held = [r.region for r in list_replicas(session, backup.id) if r.state is ReplicaState.PRESENT]
    present = [region for region in held if region in known]
    if not present:
        raise _nothing(backup.source)
    return draw(present, regions_that_failed(session, backup.source), services.random)


def _nothing(source: str) -> NothingToDrillError:
    return NothingToDrillError(
        f"No region holds a whole backup of {source!r}.", next_step=f"Make one: strongroom backup run {source}"
    )
