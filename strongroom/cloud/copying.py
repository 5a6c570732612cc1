"""The job that brings a backup's snapshots into one more region, encrypted under that region's key."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from strongroom.alerts.copies import clear_damage
from strongroom.catalog.backup_queries import get_backup, list_replicas
from strongroom.catalog.backups import Backup, ReplicaState
from strongroom.cloud.errors import NoOriginError, SnapshotFailedError, WrongKeyError
from strongroom.cloud.filling import Filling
from strongroom.cloud.places import AwsPlaces, service_of
from strongroom.cloud.recording import note_failure, record_copied
from strongroom.cloud.snapshots import CloudSnapshot, Label, Origin, Part, SnapshotService, SnapshotState
from strongroom.errors import StrongroomError
from strongroom.jobs.context import JobContext
from strongroom.services import Services


def run_copy(services: Services, context: JobContext) -> dict[str, Any]:
    """Copy every snapshot that the region lacks; when all are whole, and under its key, it holds the backup."""
    backup_id, region = uuid.UUID(context.args["backup"]), context.args["region"]
    try:
        held = _Copying(services, context, backup_id, region).finish()
    except StrongroomError as error:
        note_failure(services, backup_id, region, error)
        raise
    now = services.clock.now()

    def effect(session: Any) -> dict[str, Any]:
        record_copied(session, backup_id, region, held, now)
        clear_damage(session, session.get_one(Backup, backup_id), region, now)
        return {"region": region, "snapshots": {one.part: one.id for one in held}, "bytes": sum(s.bytes for s in held)}

    return context.step("present", effect) or {}


@dataclass(frozen=True, slots=True)
class _Wanted:
    source: str
    source_kind: str
    policy: str
    parts: tuple[Part, ...]
    facts: dict[str, Any]
    home: str
    holders: tuple[str, ...]


class _Copying:
    def __init__(self, services: Services, context: JobContext, backup_id: uuid.UUID, region: str) -> None:
        self._context = context
        self._services = services
        self._backup_id = backup_id
        self._region = region
        self._places = AwsPlaces(services.settings)
        self._wanted = _read(services, backup_id, region)
        self._listings: dict[str, Sequence[CloudSnapshot]] = {}
        self._service: SnapshotService = service_of(self._wanted.source_kind, self._wanted.facts)

    def finish(self) -> list[CloudSnapshot]:
        client = self._places.client(self._region)
        filling = Filling(
            self._context,
            self._services.clock.now,
            find=lambda: self._service.find(client, self._backup_id),
            make=self._make,
            delete=lambda snapshot: self._service.delete(client, snapshot),
        )
        try:
            held = list(filling.complete(self._wanted.parts).values())
        except SnapshotFailedError as error:
            raise _with_key(error, self._places.key(self._region)) from error
        self._verify_keys(held)
        return held

    def _make(self, part: Part, plain: CloudSnapshot | None) -> None:
        client, wanted = self._places.client(self._region), self._wanted
        origin, key = self._origin(part), self._places.key(self._region)
        repository = self._services.open_repository().repo_id
        label = Label(self._backup_id, wanted.source, wanted.policy, part.name, len(wanted.parts), repository)
        # The last thing before the copy, which may need its name: without an origin it is all there is.
        if plain is not None:
            self._service.delete(client, plain)
        self._service.copy(client, origin, key, label)

    def _origin(self, part: Part) -> Origin:
        """Return the part's snapshot from the first region that has it whole now."""
        faults = []
        for name in self._wanted.holders:
            try:
                origin = self._find_in(name, part)
            except StrongroomError as error:
                faults.append(f"{name}: {error.what}")
                continue
            if origin is not None:
                return origin
            faults.append(f"{name}: not there")
        raise NoOriginError(
            f"No region gives the snapshot of {part.name} for {self._region} ({'; '.join(faults) or 'none holds it'}).",
            next_step="The copy is tried again; if the snapshot was deleted everywhere, make a new backup.",
        )

    def _find_in(self, region: str, part: Part) -> Origin | None:
        client = self._places.client(region)
        if region not in self._listings:
            self._listings[region] = self._service.find(client, self._backup_id)
        for one in self._listings[region]:
            if one.part == part.name and one.encrypted and one.state is SnapshotState.READY:
                return Origin(client.region, one)
        return None

    def _verify_keys(self, held: list[CloudSnapshot]) -> None:
        key = self._places.key(self._region)
        for snapshot in held:
            if self._region != self._wanted.home and snapshot.key != key:
                # It may be the last one, made under a key that the settings named before.
                self._origin(Part(snapshot.part, snapshot.bytes))
                self._service.delete(self._places.client(self._region), snapshot)
                raise WrongKeyError.of(snapshot.id, self._region, snapshot.key, key)


def _with_key(error: SnapshotFailedError, key: str) -> SnapshotFailedError:
    return SnapshotFailedError(
        error.what,
        next_step=f"The job copies it again; if it keeps failing, see what the policy of {key} allows (docs/aws.md).",
    )


def _read(services: Services, backup_id: uuid.UUID, region: str) -> _Wanted:
    with services.catalog.read() as session:
        backup = get_backup(session, backup_id)
        holders = {r.region for r in list_replicas(session, backup_id) if r.state is ReplicaState.PRESENT} - {region}
        return _Wanted(
            source=backup.source,
            source_kind=backup.source_kind,
            policy=backup.policy,
            parts=tuple(Part(**part) for part in backup.facts["parts"]),
            facts=dict(backup.facts),
            home=backup.regions[0],
            holders=tuple(name for name in backup.regions if name in holders),
        )
