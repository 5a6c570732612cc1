"""An installation in a directory: a catalog, three directory regions, a tree to back up, and no service."""

import dataclasses
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest

from strongroom.backup.kinds import RequestedKind
from strongroom.backup.requests import BackupRequest, request_backup
from strongroom.backup.restore_requests import RestoreRequest, request_restore
from strongroom.backup.targets import FilesTargetRequest
from strongroom.catalog.backups import Backup
from strongroom.catalog.jobs import Job
from strongroom.jobs.runner import run_job
from strongroom.keyring.key_file import KeyFile
from strongroom.replication.reconcile import reconcile
from strongroom.repository.access import create_repository
from strongroom.runtime import HANDLERS, build_runtime
from strongroom.services import Services
from strongroom.settings import load_settings
from strongroom.storage.local import LocalStore
from strongroom.testing.stores import Fault, FaultyStore

CONFIGURATION = """
[regions.eu]
home = true
path = "regions/eu"
[regions.us]
path = "regions/us"
[regions.ap]
path = "regions/ap"
[sources.tree]
kind = "files"
path = "tree"
"""

TRACE = "0" * 32


class House:
    """The installation, and the verbs that tests are written in."""

    def __init__(self, directory: Path, catalog_url: str) -> None:
        self.directory = directory
        self.tree = directory / "tree"
        self._environment = {"STRONGROOM_CATALOG_URL": catalog_url}
        self._runtimes = ExitStack()
        self.configure()

    def configure(self, more: str = "", **secrets: str) -> None:
        """Write the configuration, with more sources in it, and open the installation anew."""
        config = self.directory / "strongroom.toml"
        config.write_text(CONFIGURATION + more)
        self.runtime = build_runtime(load_settings(config, self._environment | secrets))
        self._runtimes.callback(self.runtime.close)
        self.services: Services = self.runtime.services()

    def close(self) -> None:
        """Close what was opened."""
        self._runtimes.close()

    def found(self) -> None:
        """Make keys, regions and repository, and a small tree."""
        KeyFile.create(self.directory / "strongroom.keys", ["eu", "us", "ap"])
        for store in self.services.stores.values():
            assert isinstance(store, LocalStore)
            store.prepare()
        create_repository(
            self.services.stores, self.services.keks, clock=self.services.clock, random=self.services.random
        )
        self.tree.mkdir()
        for number in range(20):
            (self.tree / f"{number}.txt").write_bytes(os.urandom(100) * (number + 1))

    def with_faults(self, region: str, faults: Sequence[Fault]) -> Services:
        """Return the services with one region that breaks as planned."""
        stores = dict(self.services.stores)
        stores[region] = FaultyStore(stores[region], faults)
        return dataclasses.replace(self.services, stores=stores)

    def with_small_packs(self, services: Services) -> Services:
        """Return services that store packs of 1 MiB."""
        repository = services.settings.repository.model_copy(update={"pack_mib": 1})
        settings = services.settings.model_copy(update={"repository": repository})
        return dataclasses.replace(services, settings=settings)

    def request(self, source: str = "tree", kind: RequestedKind = RequestedKind.AUTO) -> Job:
        """Queue a backup."""
        return request_backup(self.services, BackupRequest(source, kind, None, TRACE))

    def run(self, job: Job, services: Services | None = None) -> Job:
        """Run one attempt of a job and return it as it is then."""
        services = services or self.services
        run_job(services.ledger, job.id, partial(HANDLERS[job.kind], services), owner="test")
        return self.services.ledger.get(job.id)

    def back_up(self, kind: RequestedKind = RequestedKind.AUTO) -> Job:
        """Make a backup and all its copies."""
        job = self.run(self.request(kind=kind))
        assert job.state == "succeeded", job.last_error
        self.copy()
        return job

    def copy(self, services: Services | None = None) -> list[Job]:
        """Run the copies that are due."""
        return [self.run(job, services) for job in reconcile(services or self.services)]

    def restore(self, backup: Job, *, region: str | None = None, target: str = "restored") -> Job:
        """Restore a backup into a directory of the installation."""
        return self.restore_with(self.services, backup, region=region, target=target)

    def restore_with(
        self, services: Services, backup: Job, *, region: str | None = None, target: str = "restored"
    ) -> Job:
        """Restore a backup with services that break, or hold other keys."""
        place = FilesTargetRequest(self.directory / target)
        request = RestoreRequest(str(backup.id), region, place, False, None, None, TRACE)
        restore = request_restore(services, request)
        return self.run(self.services.ledger.get(restore.id), services)

    def is_restored(self, target: str = "restored") -> bool:
        """Say whether the target holds exactly the tree."""
        return files(self.directory / target) == files(self.tree)

    def backup(self, job: Job) -> Backup:
        """Return what the catalog says of a job's backup."""
        with self.services.catalog.read() as session:
            return session.get_one(Backup, job.id)

    def objects(self, region: str, prefix: str) -> list[str]:
        """Return the keys that a region holds below a prefix."""
        return [info.key for info in self.services.stores[region].list(prefix)]


def files(root: Path) -> dict[str, bytes]:
    """Return the content of every file below a directory."""
    return {str(path.relative_to(root)): path.read_bytes() for path in root.rglob("*") if path.is_file()}


@pytest.fixture
def house(tmp_path: Path, catalog_url: str) -> Iterator[House]:
    """A new installation; the test runs once with each kind of catalog."""
    house = House(tmp_path, catalog_url)
    house.found()
    yield house
    house.close()


@pytest.fixture
def small_house(tmp_path: Path, sqlite_catalog_url: str) -> Iterator[House]:
    """A new installation with the embedded catalog."""
    house = House(tmp_path, sqlite_catalog_url)
    house.found()
    yield house
    house.close()


@pytest.fixture
def in_a_process_that_dies() -> Callable[[Callable[[], object]], bool]:
    """A function that runs another one in a child process and says whether the child survived it."""

    def run(action: Callable[[], object]) -> bool:
        pid = os.fork()
        if pid == 0:
            try:
                action()
            finally:
                os._exit(0)
        _, status = os.waitpid(pid, 0)
        return not os.WIFSIGNALED(status)

    return run
