"""What a process starts with: a catalog, a ledger, regions and keys, opened as the settings say."""

import importlib
import os
import socket
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from pydantic import SecretStr

from strongroom.audit.appending import AuditTrail, watch_changes
from strongroom.catalog.backups import Medium
from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import BeforeCommit, Catalog
from strongroom.clock import Clock, RandomBytes, SystemClock, system_random
from strongroom.errors import StrongroomError, UnavailableError
from strongroom.jobs.context import JobContext
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import Ledger, LedgerPolicy
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.opening import open_kek
from strongroom.keyring.provider import KekProvider
from strongroom.purposekeys.keys import PurposeKeys
from strongroom.repository.access import Repository, open_repository
from strongroom.services import Services
from strongroom.settings import JobSettings, Settings, process_environment
from strongroom.stepup.permits import spend_permit
from strongroom.storage.regions import open_store, traffic_limits
from strongroom.storage.store import Store

if TYPE_CHECKING:
    from strongroom.columnkeys.env_file import EnvCryptoFile
    from strongroom.columnkeys.ring import KeyRing

OpenedT = TypeVar("OpenedT")

Handler = Callable[[Services, JobContext], dict[str, Any]]

BEFORE_COMMIT: Sequence[BeforeCommit] = (spend_permit,)
"""What happens in the transaction of every change, in this order; the audit log follows, last of all."""


class NoRegionAnswersError(UnavailableError):
    """The repository could not be opened because no region answered."""

    code = "runtime.no_region_answers"


@dataclass(frozen=True, slots=True)
class Runtime:
    """Everything one process works with. Build it after a fork, never before."""

    settings: Settings
    clock: Clock
    random: RandomBytes
    catalog: Catalog
    ledger: Ledger
    stores: Mapping[str, Store]
    keks: Mapping[str, KekProvider]
    repository: Callable[[], Repository]
    """Opens the repository, once, from the first region that answers; raises NoRegionAnswersError."""
    purpose_keys: PurposeKeys

    def services(self) -> Services:
        """Return what handlers and use cases are given."""
        return Services(
            settings=self.settings,
            clock=self.clock,
            random=self.random,
            catalog=self.catalog,
            ledger=self.ledger,
            stores=self.stores,
            keks=self.keks,
            open_repository=self.repository,
            open_ring=ring_opener(self.settings),
            purpose_keys=self.purpose_keys,
        )

    def close(self) -> None:
        """Close the catalog's connections."""
        self.catalog.close()


def build_runtime(
    settings: Settings,
    *,
    clock: Clock | None = None,
    random: RandomBytes = system_random,
    recovery: KekProvider | None = None,
) -> Runtime:
    """Put the parts together; connects to nothing and reads no key until something is used.

    A recovery key takes the place of every region's key: all backups can be read with it.
    """
    clock = clock or SystemClock()
    own = open_keks(settings)
    keks = own if recovery is None else {region.name: recovery for region in settings.regions}
    url = settings.catalog_url.get_secret_value()
    # The installation's own keys are wrapped for no recovery key.
    catalog, purpose_keys = open_catalog(url, own, clock, without_key=recovery is not None)
    stores = open_stores(settings, catalog, clock, random)
    return Runtime(
        settings=settings,
        clock=clock,
        random=random,
        catalog=catalog,
        ledger=Ledger(
            catalog, clock, random, replace(ledger_policy(settings.jobs), expected_seconds=expected(settings))
        ),
        stores=stores,
        keks=keks,
        repository=Once(lambda: open_from_first_region(stores, keks)),
        purpose_keys=purpose_keys,
    )


def open_catalog(
    url: str, keks: Mapping[str, KekProvider], clock: Clock, *, without_key: bool = False
) -> tuple[Catalog, PurposeKeys]:
    """Return the catalog that keeps an audit log, and the installation's own keys, of which that needs one.

    `without_key` is for the recovery key: where no other key is left, changes are made without a row.
    """
    engine = open_engine(url)
    watch_changes(engine)
    # The keys are in the catalog, and the catalog's trail needs one of them: it asks when there is something to say.
    trail = AuditTrail(lambda: keys, clock, without_key=without_key)
    catalog = Catalog(engine, BEFORE_COMMIT, trail)
    keys = PurposeKeys(catalog, keks, clock)
    return catalog, keys


def detached_runtime(runtime: Runtime, store_as: Callable[[str], Store], directory: Path) -> Runtime:
    """Return a runtime whose only region is a store from elsewhere, and whose catalog is a new one in `directory`.

    The store is opened as whichever region's key opens the repository in it. Raises what opening the repository raises.
    """
    region, repository = _open_with_any_key(store_as, runtime.keks)
    # Snapshots that AWS keeps are not in the store.
    regions = tuple(one.model_copy(update={"aws": None}) for one in runtime.settings.regions)
    address = f"sqlite:///{directory / 'catalog.db'}"
    settings = runtime.settings.model_copy(update={"regions": regions, "catalog_url": SecretStr(address)})
    # Alembic is not loaded by commands that need no new tables.
    from strongroom.catalog.schema import upgrade

    catalog, keks = Catalog(open_engine(address)), {region: runtime.keks[region]}
    upgrade(catalog.engine)
    return replace(
        runtime,
        settings=settings,
        catalog=catalog,
        ledger=Ledger(catalog, runtime.clock, runtime.random, ledger_policy(settings.jobs)),
        stores={region: store_as(region)},
        keks=keks,
        repository=lambda: repository,
        purpose_keys=PurposeKeys(catalog, keks, runtime.clock),
    )


def _open_with_any_key(store_as: Callable[[str], Store], keks: Mapping[str, KekProvider]) -> tuple[str, Repository]:
    refused: StrongroomError | None = None
    for region in keks:
        try:
            return region, open_repository(store_as(region), keks[region])
        except StrongroomError as error:
            refused = refused if refused is not None and not refused.retryable else error
    raise refused or NoRegionAnswersError("No region is configured.", next_step="Add one to strongroom.toml.")


def ledger_policy(jobs: JobSettings) -> LedgerPolicy:
    """Return the ledger's limits as configured."""
    deadlines = {
        JobKind.BACKUP_RUN: jobs.backup_deadline_seconds,
        JobKind.RESTORE_RUN: jobs.restore_deadline_seconds,
        JobKind.REPLICATION_COPY: jobs.copy_deadline_seconds,
        JobKind.VERIFICATION_RUN: jobs.verification_deadline_seconds,
        JobKind.REGION_VERIFICATION: jobs.verification_deadline_seconds,
    }
    return LedgerPolicy(
        lease_seconds=float(jobs.lease_seconds),
        max_errors=jobs.max_errors,
        max_crashes=jobs.max_crashes,
        retry_base_seconds=float(jobs.retry_seconds),
        republish_base_seconds=float(jobs.republish_seconds),
        deadlines={kind: float(seconds) for kind, seconds in deadlines.items() if seconds is not None},
    )


def expected(settings: Settings) -> Mapping[str, float]:
    """Return how many seconds a backup of each source should take."""
    return {name: float(source.levels.expected_seconds) for name, source in settings.sources.items()}


def open_stores(settings: Settings, catalog: Catalog, clock: Clock, random: RandomBytes) -> Mapping[str, Store]:
    """Return the regions' stores, home first, each opened when it is first asked for.

    All processes of the installation share the limits of a region; the catalog knows how many use it.
    """
    regions = {region.name: region for region in settings.regions}
    process = f"{socket.gethostname()}:{os.getpid()}:{random(4).hex()}"

    def opener(name: str) -> Store:
        limits = traffic_limits(regions[name])
        if not limits.are_set:
            return open_store(regions[name])
        # Most regions have no limits.
        from strongroom.catalog.traffic import TrafficShare

        share = TrafficShare(catalog, clock, region=name, process=process)
        return open_store(regions[name], limits.throttle(clock=clock, share=share))

    return OpenedOnUse(regions, opener)


def open_keks(settings: Settings) -> Mapping[str, KekProvider]:
    """Return the regions' key-encryption keys, home first, each opened when it is first asked for."""
    regions = {region.name: region for region in settings.regions}
    key_file = KeyFile(settings.keyring.path)
    return OpenedOnUse(regions, lambda name: open_kek(regions[name].kek, key_file))


def open_column_keys(settings: Settings, path: Path | None = None) -> "EnvCryptoFile":
    """Return the file of column keys, or another one of its kind; nothing is read before it is used."""
    # Few commands have to do with encrypted columns.
    from strongroom.columnkeys.env_file import EnvCryptoFile
    from strongroom.columnkeys.wrapping import KekWrapping

    kek = settings.column_keys.kek
    wrapping = None if kek is None else KekWrapping(open_kek(kek, KeyFile(settings.keyring.path)))
    return EnvCryptoFile(path or settings.column_keys.file, wrapping)


def ring_opener(settings: Settings) -> "Callable[[], KeyRing]":
    """Return what loads the ring of column keys from its file and the environment.

    A key service is asked once for each key. Raises, when it is called, as FileAndEnvironment.load does.
    """
    file = Once(lambda: open_column_keys(settings))

    def load() -> "KeyRing":
        from strongroom.columnkeys.sources import FileAndEnvironment

        return FileAndEnvironment(file(), process_environment()).load()

    return load


def open_from_first_region(stores: Mapping[str, Store], keks: Mapping[str, KekProvider]) -> Repository:
    """Open the repository from the first region in order that can; a region that is away or empty is passed over.

    Raises the first fault that is not mere absence, else NoRegionAnswersError.
    """
    faults: dict[str, StrongroomError] = {}
    for region in stores:
        try:
            return open_repository(stores[region], keks[region])
        except StrongroomError as error:
            faults[region] = error
    for fault in faults.values():
        if not isinstance(fault, UnavailableError):
            raise fault
    reasons = "; ".join(f"{region}: {fault.what}" for region, fault in faults.items())
    raise NoRegionAnswersError(f"No region answers ({reasons}).", next_step="Mend one of them, and try again.")


class Once(Generic[OpenedT]):
    """Calls a function once, also when several threads ask at the same time; a failure is not remembered."""

    def __init__(self, opener: Callable[[], OpenedT]) -> None:
        self._opener = opener
        self._lock = threading.Lock()
        self._opened: list[OpenedT] = []

    def __call__(self) -> OpenedT:
        with self._lock:
            if not self._opened:
                self._opened.append(self._opener())
            return self._opened[0]


class OpenedOnUse(Mapping[str, OpenedT]):
    """A mapping whose keys are known from the start and whose values are opened once, when first looked up."""

    def __init__(self, names: Iterable[str], opener: Callable[[str], OpenedT]) -> None:
        self._values = {name: Once(partial(opener, name)) for name in names}

    def __getitem__(self, name: str) -> OpenedT:
        return self._values[name]()

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


_PLACES = {
    JobKind.BACKUP_RUN: "strongroom.backup.run:run_backup",
    JobKind.RESTORE_RUN: "strongroom.backup.restore:run_restore",
    JobKind.RESTORE_PLAN: "strongroom.backup.planning:run_plan",
    JobKind.VERIFICATION_RUN: "strongroom.backup.verification:run_verification",
    JobKind.REGION_VERIFICATION: "strongroom.upkeep.verifying:run_region_verification",
    JobKind.REPLICATION_COPY: "strongroom.replication.copying:run_copy",
    JobKind.COLLECTION_RUN: "strongroom.retention.collecting:run_collection",
    JobKind.RETENTION_RUN: "strongroom.retention.sweeping:run_sweep",
    JobKind.RETENTION_LOCK: "strongroom.retention.locking:run_locking",
    JobKind.REPAIR_RUN: "strongroom.upkeep.repairing:run_repair",
    JobKind.ROTATION_RUN: "strongroom.upkeep.rotating:run_rotation",
    JobKind.EXTENSION_RUN: "strongroom.upkeep.extending:run_extension",
    JobKind.DRILL_RUN: "strongroom.drills.run:run_drill",
    JobKind.REENCRYPTION_RANGE: "strongroom.rotation.running:run_range",
}


_SNAPSHOT_PLACES = {
    JobKind.BACKUP_RUN: "strongroom.cloud.taking:run_snapshot",
    JobKind.REPLICATION_COPY: "strongroom.cloud.copying:run_copy",
    JobKind.RESTORE_RUN: "strongroom.cloud.restoring:run_restore",
    JobKind.VERIFICATION_RUN: "strongroom.cloud.confirming:run_verification",
}
"""The same for backups that are snapshots kept by AWS, as the job's arguments say."""


def _load_handler(kind: str) -> Handler:
    # Handlers bring sources and ciphers with them; a command that only reads the catalog starts without.
    if JobKind(kind) is JobKind.QUEUE_PROBE:
        from strongroom.jobs.probing import run_probe

        return lambda _, context: run_probe(context)
    handler, snapshots = _imported(_PLACES[JobKind(kind)]), _SNAPSHOT_PLACES.get(JobKind(kind))
    if snapshots is None:
        return handler

    def by_medium(services: Services, context: JobContext) -> dict[str, Any]:
        chosen = _imported(snapshots) if context.args.get("medium") == Medium.SNAPSHOT else handler
        return chosen(services, context)

    return by_medium


def _imported(place: str) -> Handler:
    module, _, name = place.partition(":")
    handler: Handler = getattr(importlib.import_module(module), name)
    return handler


HANDLERS: Mapping[str, Handler] = OpenedOnUse(JobKind, _load_handler)
"""What does each kind of job, imported when it is first looked up."""
