"""The job that makes new volumes, or a new database, of a backup's snapshots. Nothing that exists is touched."""

import uuid
from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.backup_queries import get_backup, list_replicas
from strongroom.catalog.backups import Backup, ReplicaState, Restore
from strongroom.cloud.errors import CopyMissingError
from strongroom.cloud.making import Made, database_maker, volume_maker
from strongroom.cloud.places import AwsPlaces, service_of
from strongroom.cloud.snapshots import CloudSnapshot, SnapshotState
from strongroom.errors import StrongroomError
from strongroom.jobs.context import JobContext
from strongroom.jobs.interrupts import JobWaits
from strongroom.jobs.progress import JobProgress
from strongroom.services import Services

WAIT_SECONDS = 15.0


def run_restore(services: Services, context: JobContext) -> dict[str, Any]:
    """Restore what a job names from the first region that has it whole; meanwhile the job waits in the ledger."""
    args, places = context.args, AwsPlaces(services.settings)
    with services.catalog.read() as session:
        backup = get_backup(session, uuid.UUID(args["backup"]))
        present = {r.region for r in list_replicas(session, backup.id) if r.state is ReplicaState.PRESENT}
    # What an attempt began is waited for where it is being made: another region would make a second one.
    begun = (context.cursor or {}).get("region")
    region, snapshots = _choose(places, backup, begun or args["region"], args["target"], present)
    only = args["target"].get("only") or list(snapshots)
    maker = volume_maker if args["target"]["kind"] == "volume" else database_maker
    context.check()
    if begun is None:
        context.save_cursor({"region": region})
    made = [maker(context, places.client(region), snapshots[part], backup.facts) for part in only]
    ready = [one for one in made if one.ready]
    total = sum(snapshots[part].bytes for part in only)
    done = sum(one.bytes for one in ready)
    context.report(JobProgress(phase="waiting for AWS", done_bytes=done, total_bytes=total, files=len(ready)))
    if len(ready) < len(made):
        raise JobWaits(WAIT_SECONDS)
    return context.step("restored", lambda session: _record(session, services, context, region, made)) or {}


def _choose(
    places: AwsPlaces, backup: Backup, wanted: str | None, target: dict[str, Any], present: set[str]
) -> tuple[str, dict[str, CloudSnapshot]]:
    names = [wanted] if wanted else [name for name in backup.regions if name in present]
    zone = target.get("zone")
    faults: list[str] = []
    errors: list[StrongroomError] = []
    for name in names:
        try:
            client = places.client(name)
            if zone and not zone.startswith(client.region):
                faults.append(f"{name}: zone {zone} is elsewhere")
                continue
            held = _whole(service_of(backup.source_kind, backup.facts).find(client, backup.id))
            if {part["name"] for part in backup.facts["parts"]} <= set(held):
                return name, held
            faults.append(f"{name}: not whole there")
        except StrongroomError as error:
            errors.append(error)
    if errors:
        raise min(errors, key=lambda error: not error.retryable)
    raise CopyMissingError(
        f"No region gives backup {backup.id} for this target ({'; '.join(faults) or 'none holds it'}).",
        next_step="Choose a zone in a region that holds it; `strongroom backup show` names them.",
    )


def _whole(found: Any) -> dict[str, CloudSnapshot]:
    return {one.part: one for one in found if one.encrypted and one.state is SnapshotState.READY}


def _record(session: Session, services: Services, context: JobContext, region: str, made: list[Made]) -> dict[str, Any]:
    restore = session.get_one(Restore, context.job_id)
    restore.region, restore.finished_at = region, services.clock.now()
    restore.files, restore.bytes = len(made), sum(one.bytes for one in made)
    restore.target = restore.target | {"made": {one.part: one.id for one in made}}
    return {
        "backup": str(restore.backup_id),
        "region": region,
        "files": restore.files,
        "bytes": restore.bytes,
        "partial": False,
        "problem_count": 0,
        "problems": [],
        "made": {one.part: one.id for one in made},
    }
