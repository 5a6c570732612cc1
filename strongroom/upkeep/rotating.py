"""The job that moves every key slot of a region to the current version of its key-encryption key."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from strongroom.backup.requests import dedupe_key_of
from strongroom.catalog.jobs import Job
from strongroom.jobs.context import JobContext
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest
from strongroom.jobs.progress import JobProgress
from strongroom.keysync.psks import Psks
from strongroom.keysync.sealing import Sealers
from strongroom.repository.commit import Outcome, list_commits
from strongroom.repository.retiring import list_tombstones
from strongroom.repository.rewrapping import Rewrapped, Rewrapper
from strongroom.services import Services

BACKUPS_BETWEEN_CURSORS = 50


@dataclass(frozen=True, slots=True)
class RotationRequest:
    """A rotation somebody asks for; `remove_old` takes earlier versions' slots away once the new are read."""

    region: str
    remove_old: bool
    trace_id: str
    idempotency_key: str | None = None


def request_rotation(services: Services, request: RotationRequest) -> Job:
    """Queue a rotation of a region's slots; raises UnknownRegionError, IdempotencyConflictError."""
    services.settings.get_region(request.region)
    args = {"region": request.region, "remove_old": request.remove_old}
    with services.catalog.begin() as session:
        return services.ledger.enqueue(
            session, JobRequest(JobKind.ROTATION_RUN, args, request.trace_id, dedupe_key_of(request.idempotency_key))
        )


def run_rotation(services: Services, context: JobContext) -> dict[str, Any]:
    """Rewrap the root secret and every live backup's data key, in commit-key order from where an earlier attempt came.

    The catalog's keys that the region's KEK wraps come first. A region that does not answer is named in the result, and
    keeps its old slots; run it again when it is back.
    """
    region, remove_old = context.args["region"], context.args["remove_old"]
    repository, home = services.open_repository(), next(iter(services.stores.values()))
    rewrapper = Rewrapper(repository, services.stores, region, services.keks[region])
    counts, missed = Counter(context.cursor or {}), set[str]()
    after = str((context.cursor or {}).get("after", ""))
    counts.pop("after", None)
    catalog_keys = _rewrap_catalog(services, region)
    _add(rewrapper.rewrap_root(remove_old=remove_old), counts, missed)
    retired = {tombstone.backup_id for tombstone in list_tombstones(repository, home)}
    for record in list_commits(repository, home):
        context.check()
        place = f"{record.source}/{record.backup_id.hex}"
        if record.outcome is not Outcome.COMMIT or record.backup_id in retired or place <= after:
            continue
        _add(rewrapper.rewrap_backup(record, remove_old=remove_old), counts, missed)
        counts["backups"] += 1
        context.report(JobProgress(phase="rewrapping", done_bytes=0, total_bytes=None, files=counts["backups"]))
        if counts["backups"] % BACKUPS_BETWEEN_CURSORS == 0 and not missed:
            context.save_cursor({**counts, "after": place})
    return {
        "region": region,
        "version": rewrapper.kek.current_version(),
        "backups": counts["backups"],
        "written": counts["written"],
        "removed": counts["removed"],
        "catalog_keys": catalog_keys,
        "regions_missed": sorted(missed),
    }


def _rewrap_catalog(services: Services, region: str) -> int:
    """Move what the catalog keeps under the region's KEK: the installation's own keys, and those of a key provider."""
    kept = (services.catalog, services.keks, services.clock, services.random)
    return services.purpose_keys.rewrap(region) + Psks(*kept).rewrap(region) + Sealers(*kept).rewrap(region)


def _add(done: Rewrapped, counts: "Counter[str]", missed: set[str]) -> None:
    counts["written"] += done.written
    counts["removed"] += done.removed
    missed.update(done.missed)
