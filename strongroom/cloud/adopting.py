"""Finding backups by the tags of their snapshots, and telling a catalog that lost them."""

import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from sqlalchemy.orm import Session

from strongroom.aws.errors import PermissionMissingError
from strongroom.catalog.backups import Backup, BackupKind, BackupState, Medium
from strongroom.catalog.protection import protect_if_whole
from strongroom.cloud.errors import SnapshotsIncompleteError, UnknownOwnerError
from strongroom.cloud.places import AwsPlaces, service_of
from strongroom.cloud.recording import ids_by_part, new_replica
from strongroom.cloud.snapshots import (
    PARTS_TAG,
    POLICY_TAG,
    REPOSITORY_TAG,
    SOURCE_TAG,
    CloudSnapshot,
    SnapshotState,
)
from strongroom.errors import StrongroomError
from strongroom.services import Services
from strongroom.settings import Settings

_KEEPERS = (("ebs", False), ("rds", False), ("rds", True))


@dataclass(slots=True)
class AdoptionReport:
    """How many backups were adopted, known before, or retired; faults are region, what it is about, and why."""

    adopted: int = 0
    known: int = 0
    retired: int = 0
    faults: list[tuple[str, str, StrongroomError]] = field(default_factory=list)


@dataclass(slots=True)
class _Found:
    """What the regions hold of one backup, home first; `whole` are the regions that hold every part, sealed."""

    id: uuid.UUID
    source_kind: str
    cluster: bool
    by_region: dict[str, list[CloudSnapshot]] = field(default_factory=dict)

    @property
    def all(self) -> list[CloudSnapshot]:
        return [snapshot for snapshots in self.by_region.values() for snapshot in snapshots]

    @property
    def source(self) -> str:
        return self.all[0].tags.get(SOURCE_TAG, "")

    @property
    def policy(self) -> str:
        return self.all[0].tags.get(POLICY_TAG, "")

    @property
    def parts(self) -> int:
        """Return how many parts there are, the least that any snapshot says.

        Snapshots count a volume that was deleted before its own began; copies, made of whole backups, do not.
        """
        return min(int(text) if (text := one.tags.get(PARTS_TAG, "")).isdigit() else 1 << 31 for one in self.all)

    @property
    def whole(self) -> dict[str, list[CloudSnapshot]]:
        sealed = {region: _sealed(snapshots) for region, snapshots in self.by_region.items()}
        return {region: snapshots for region, snapshots in sealed.items() if len(snapshots) >= self.parts}


def adopt_snapshots(services: Services, on_adopted: Callable[[Session, str], None]) -> AdoptionReport:
    """Write down every backup that AWS holds whole in some region and the catalog lacks; nothing in AWS is changed.

    `on_adopted` is called with the name of the source in the transaction that adopts a backup.
    Can be repeated, and run beside everything else. Raises what opening the repository raises.
    """
    report = AdoptionReport()
    if not any(region.aws for region in services.settings.regions):
        return report
    repository = str(services.open_repository().repo_id)
    places, found = AwsPlaces(services.settings), dict[uuid.UUID, _Found]()
    for region, (kind, cluster) in product(_places(services.settings), _KEEPERS):
        try:
            _list(places, region, (kind, cluster), found)
        except StrongroomError as error:
            if not _is_beside_the_point(services.settings, kind, error):
                report.faults.append((region, f"snapshots of {kind}", error))
    for one in found.values():
        _adopt(services, one, repository, report, on_adopted)
    return report


def _places(settings: Settings) -> list[str]:
    """Return the regions where snapshots are kept, home first."""
    named = [region.name for region in settings.regions if region.aws is not None]
    return sorted(named, key=lambda name: name != settings.home.name)


def _list(places: AwsPlaces, region: str, keeper: tuple[str, bool], found: dict[uuid.UUID, _Found]) -> None:
    kind, cluster = keeper
    for backup_id, snapshots in service_of(kind, {"cluster": cluster}).find_all(places.client(region)).items():
        found.setdefault(backup_id, _Found(backup_id, kind, cluster)).by_region[region] = snapshots


def _is_beside_the_point(settings: Settings, kind: str, error: StrongroomError) -> bool:
    """Say whether somebody who backs up nothing of a kind may not list its snapshots, and need not."""
    is_used = any(source.kind == kind for source in settings.sources.values())
    return isinstance(error, PermissionMissingError) and not is_used


def _adopt(
    services: Services,
    found: _Found,
    repository: str,
    report: AdoptionReport,
    on_adopted: Callable[[Session, str], None],
) -> None:
    owners = {snapshot.tags.get(REPOSITORY_TAG, "") for snapshot in found.all}
    if owners.isdisjoint({repository, ""}):
        # Those of another installation in the same account.
        return
    with services.catalog.begin() as session:
        backup = session.get(Backup, found.id)
        if backup is not None:
            report.retired += backup.state is BackupState.RETIRED
            report.known += backup.state is not BackupState.RETIRED
            return
        fault = _fault_of(found, owners)
        if fault is not None:
            report.faults.append((", ".join(found.by_region), f"backup {found.id} of {found.source}", fault))
            return
        _write(services, session, found)
        on_adopted(session, found.source)
    report.adopted += 1


def _fault_of(found: _Found, owners: set[str]) -> StrongroomError | None:
    if len(owners) > 1 or "" in owners:
        return UnknownOwnerError(
            f"Snapshots of backup {found.id} do not say, or not alike, which repository they belong to.",
            next_step=f"If they are yours, set their tag {REPOSITORY_TAG}, or restore from them by hand.",
        )
    if not found.whole:
        most = max(len(_sealed(snapshots)) for snapshots in found.by_region.values())
        return SnapshotsIncompleteError(
            f"No region holds backup {found.id} of {found.source} whole: {most} of {found.parts} snapshots are.",
            next_step="It was not over, or is being deleted. Delete what is left when nobody needs it.",
        )
    return None


def _write(services: Services, session: Session, found: _Found) -> None:
    now = services.clock.now()
    whole = found.whole
    held = next(iter(whole.values()))
    backup = Backup(
        id=found.id,
        source=found.source,
        source_kind=found.source_kind,
        medium=Medium.SNAPSHOT,
        kind=BackupKind.FULL,
        state=BackupState.COMMITTED,
        session_id=uuid.UUID(int=0),
        trace_id=services.random(16).hex(),
        policy=found.policy,
        regions=_regions(services.settings, found),
        created_at=min(snapshot.taken_at for snapshot in held),
        committed_at=max(snapshot.taken_at for snapshot in held),
        source_bytes=sum(snapshot.bytes for snapshot in held),
        objects=len(held),
        facts=_facts(found, held, whole),
    )
    session.add(backup)
    session.flush()
    session.add_all(new_replica(backup, region, present=region in whole, now=now) for region in backup.regions)
    session.flush()
    protect_if_whole(session, backup.id, now)


def _facts(
    found: _Found, held: Sequence[CloudSnapshot], whole: Mapping[str, Sequence[CloudSnapshot]]
) -> dict[str, object]:
    facts: dict[str, object] = {"cluster": True} if found.cluster else {}
    if held[0].engine:
        facts["engine"] = held[0].engine
    facts["parts"] = [{"name": snapshot.part, "bytes": snapshot.bytes} for snapshot in held]
    facts["snapshots"] = {region: ids_by_part(snapshots) for region, snapshots in whole.items()}
    return facts


def _regions(settings: Settings, found: _Found) -> list[str]:
    """Return where it is wanted or is already, the region of its source first."""
    asked = settings.regions_of(found.policy) if found.policy in settings.policies else []
    wanted = [name for name in _places(settings) if name in asked or name in found.by_region]
    first = getattr(settings.sources.get(found.source), "region", None) or settings.home.name
    return sorted(wanted, key=lambda name: name != first)


def _sealed(snapshots: Iterable[CloudSnapshot]) -> list[CloudSnapshot]:
    """Return the whole and encrypted snapshots, one of each part: the first that was taken."""
    kept: dict[str, CloudSnapshot] = {}
    for one in sorted(_ready(snapshots), key=lambda snapshot: (snapshot.taken_at, snapshot.id)):
        kept.setdefault(one.part, one)
    return [kept[part] for part in sorted(kept)]


def _ready(snapshots: Iterable[CloudSnapshot]) -> Iterator[CloudSnapshot]:
    return (one for one in snapshots if one.encrypted and one.state is SnapshotState.READY)
