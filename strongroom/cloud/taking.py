"""The job that makes a backup of volumes or a database: snapshots where they are, encrypted, then the catalog."""

import uuid
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any

from sqlalchemy.orm import Session

from strongroom.aws.errors import AwsNotFoundError
from strongroom.catalog.backup_queries import find_latest_committed
from strongroom.catalog.backups import Backup, BackupKind, BackupState, Medium
from strongroom.cloud.ebs import list_volumes
from strongroom.cloud.errors import NoNewSnapshotError, NothingToSnapshotError, SourceChangedError, WrongKeyError
from strongroom.cloud.filling import Filling
from strongroom.cloud.places import AwsPlaces, regions_of, service_of
from strongroom.cloud.rds import RdsSnapshots
from strongroom.cloud.recording import record_taken
from strongroom.cloud.snapshots import CloudSnapshot, Label, Origin, Part, SnapshotService
from strongroom.cloud.surveying import look_at_database
from strongroom.jobs.context import JobContext
from strongroom.services import Services
from strongroom.settings import EbsSourceSettings, RdsSourceSettings, SnapshotSourceSettings


def run_snapshot(services: Services, context: JobContext) -> dict[str, Any]:
    """Make the snapshots a job asks for; every attempt finds what earlier ones began by its tags or its name.

    While AWS works, the job waits in the ledger and not in a worker.
    """
    source = services.settings.get_source(context.args["source"])
    if not isinstance(source, EbsSourceSettings | RdsSourceSettings):
        raise NothingToSnapshotError(
            f"Source {source.name} ({source.kind}) has no snapshots.", next_step="Ask for its backup anew."
        )
    taking = _Taking(services, context, source)
    taking.open()
    return taking.finish()


class _Taking:
    def __init__(self, services: Services, context: JobContext, source: SnapshotSourceSettings) -> None:
        self._services = services
        self._context = context
        self._source = source
        self._region = regions_of(services.settings, source)[0]
        self._places = AwsPlaces(services.settings)
        self._facts = {"cluster": True} if isinstance(source, RdsSourceSettings) and source.cluster else {}
        self._service: SnapshotService = service_of(source.kind, self._facts)

    def open(self) -> None:
        """Have the catalog know of the backup before AWS does."""
        services, context, source = self._services, self._context, self._source

        def effect(session: Session) -> None:
            if session.get(Backup, context.job_id) is None:
                session.add(_new_backup(services, context, source))

        context.step("opened", effect)

    def finish(self) -> dict[str, Any]:
        client = self._places.client(self._region)
        parts = self._parts()
        filling = Filling(
            self._context,
            self._services.clock.now,
            find=lambda: self._service.find(client, self._context.job_id),
            make=self._make,
            delete=lambda snapshot: self._service.delete(client, snapshot),
        )
        taken = filling.complete(parts)
        self._verify_keys(taken)
        return record_taken(self._services, self._context, self._region, list(taken.values()), self._facts)

    def _parts(self) -> list[Part]:
        """Return what the source consists of, as the first attempt found it."""
        kept = (self._context.cursor or {}).get("parts")
        if kept is not None:
            return [Part(**part) for part in kept]
        client, source = self._places.client(self._region), self._source
        if isinstance(source, EbsSourceSettings):
            parts = list_volumes(client, source)
        else:
            view = look_at_database(client, source)
            self._note(engine=view.engine)
            parts = [view.part]
        self._keep(parts)
        return parts

    def _keep(self, parts: list[Part] | None) -> None:
        cursor = dict(self._context.cursor or {})
        self._context.save_cursor(cursor | {"parts": None if parts is None else [asdict(part) for part in parts]})

    def _note(self, **facts: str) -> None:
        """Keep something that the catalog is to know of the backup once it is made."""
        cursor = dict(self._context.cursor or {})
        self._context.save_cursor(cursor | {"facts": cursor.get("facts", {}) | facts})

    def _make(self, part: Part, plain: CloudSnapshot | None) -> None:
        if plain is not None:
            self._copy(part, Origin(self._places.client(self._region).region, plain))
        elif isinstance(self._source, RdsSourceSettings) and self._source.snapshots == "automated":
            self._copy(part, self._automated(part))
        else:
            self._take(part, self._label(part))

    def _copy(self, part: Part, origin: Origin) -> None:
        """Begin a copy in the same region, whose key is verified at the end."""
        cursor = dict(self._context.cursor or {})
        self._context.save_cursor(cursor | {"copied": sorted({*cursor.get("copied", []), part.name})})
        client, key = self._places.client(self._region), self._places.key(self._region)
        self._service.copy(client, origin, key, self._label(part))

    def _verify_keys(self, taken: Mapping[str, CloudSnapshot]) -> None:
        """Check that what was copied is under the region's key; a snapshot of an encrypted part is under that one's."""
        copied = (self._context.cursor or {}).get("copied", [])
        for snapshot in [snapshot for name, snapshot in taken.items() if name in copied]:
            key = self._places.key(self._region)
            if snapshot.key != key:
                self._service.delete(self._places.client(self._region), snapshot)
                raise WrongKeyError.of(snapshot.id, self._region, snapshot.key, key)

    def _take(self, part: Part, label: Label) -> None:
        try:
            self._service.take(self._places.client(self._region), label)
        except AwsNotFoundError as error:
            if not (isinstance(self._source, EbsSourceSettings) and self._source.tag):
                raise
            self._leave_out(part)
            raise SourceChangedError(
                f"Volume {part.name} of {self._source.name} was deleted before its snapshot began.",
                next_step="The job goes on without it.",
            ) from error

    def _leave_out(self, gone: Part) -> None:
        """Have the next attempt do without a volume that is gone; without any it looks for the tag anew."""
        self._keep([part for part in self._parts() if part.name != gone.name] or None)

    def _automated(self, part: Part) -> Origin:
        client = self._places.client(self._region)
        newest = RdsSnapshots(cluster=bool(self._facts)).newest_automated(client, part.name)
        with self._services.catalog.read() as session:
            last = find_latest_committed(session, self._source.name)
            kept = None if last is None else last.facts.get("automated")
        if newest is None or newest.id == kept:
            raise NoNewSnapshotError(
                f"RDS has taken no automated snapshot of {part.name} " + (f"since {kept}." if kept else "yet."),
                next_step='Schedule the source once a day, after the backup window, or set `snapshots = "manual"`.',
            )
        self._note(automated=newest.id)
        return Origin(client.region, replace(newest, part=part.name))

    def _label(self, part: Part) -> Label:
        repository = self._services.open_repository().repo_id
        source = self._source
        return Label(self._context.job_id, source.name, source.policy, part.name, len(self._parts()), repository)


def _new_backup(services: Services, context: JobContext, source: SnapshotSourceSettings) -> Backup:
    return Backup(
        id=context.job_id,
        source=source.name,
        source_kind=source.kind,
        medium=Medium.SNAPSHOT,
        kind=BackupKind.FULL,
        state=BackupState.RUNNING,
        session_id=uuid.UUID(int=0),
        trace_id=context.trace_id,
        policy=source.policy,
        regions=regions_of(services.settings, source),
        created_at=services.clock.now(),
    )
