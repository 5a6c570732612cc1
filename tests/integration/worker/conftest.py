"""An installation in a temporary directory, a real broker, and real worker processes."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pytest
from celery import Celery
from kombu import pools
from sqlalchemy import select, update

from strongroom.backup.kinds import RequestedKind
from strongroom.backup.requests import BackupRequest, request_backup
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.jobs import Job
from strongroom.cli.init import set_up
from strongroom.cli.screen import Screen
from strongroom.levels.status import StatusReport, status
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import load_settings
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server
from tests.services.rabbitmq import RabbitMq
from tests.services.sentinel import SentinelCluster
from tests.services.valkey import Valkey
from worker.broker import QUEUE_NAMES, broker_configuration
from worker.publisher import Publisher

Broker = Valkey | RabbitMq | SentinelCluster
PROJECT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 60.0
TRACE_ID = "4bf92f3577b34da6a3ce929d0e0e4736"

CONFIG = """
[jobs]
lease_seconds = 600

[worker]
grace_seconds = 10

# Small objects and a slow region: a backup that takes some seconds, with many safe places.
[repository]
pack_mib = 1

[regions.here]
path = "regions/here"
upload_mib_per_second = 2

[sources.website]
kind = "files"
path = "website"

[sources.archive]
kind = "files"
path = "archive"

[sources.shop]
kind = "postgres"
host = "{host}"
port = {port}
dbname = "shop"
user = "backup"
password_env = "SHOP_PASSWORD"
"""


def eventually(answer: Callable[[], bool]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answer():
        assert time.monotonic() < deadline, "It did not happen."
        time.sleep(0.05)


@dataclass(eq=False)
class Site:
    """An installation: what its processes are started with, and the same catalog seen from the test."""

    directory: Path
    environment: Mapping[str, str]
    runtime: Runtime
    broker: Broker
    silent_port: ReservedPort

    def celery(self) -> Celery:
        """Return an application like that of the workers, which sends to the same broker."""
        app = Celery("test", set_as_current=False)
        app.config_from_object("worker.configuration")
        app.add_defaults(lambda: broker_configuration(self.runtime.settings.broker))
        return app

    def publisher(self) -> Publisher:
        return Publisher(self.celery())

    def request_backup(self, source: str = "website") -> Job:
        request = BackupRequest(source, RequestedKind.AUTO, None, TRACE_ID)
        return request_backup(self.runtime.services(), request)

    def state_of(self, job: Job) -> str:
        return self.runtime.ledger.get(job.id).state.value

    def lapse(self, job: Job) -> None:
        """Let the lease run out of a holder that is dead; for one that works on, the tests' leases are long."""
        with self.runtime.catalog.begin() as session:
            session.execute(update(Job).where(Job.id == job.id).values(lease_until=utcnow()))

    def status(self) -> StatusReport:
        return status(self.runtime.services())

    def alive(self) -> set[str]:
        """Return the names of the workers that gave a sign of life."""
        with self.runtime.catalog.read() as session:
            return {heartbeat.name.split("@")[0] for heartbeat in session.scalars(select(Heartbeat))}


@pytest.fixture(params=["valkey", "rabbitmq"])
def broker(request: pytest.FixtureRequest) -> Valkey | RabbitMq:
    """An empty broker; the test runs once on Valkey and once on RabbitMQ."""
    chosen: Valkey | RabbitMq = request.getfixturevalue(request.param)
    return chosen


@pytest.fixture
def rabbitmq(rabbitmq_node: RabbitMq) -> Iterator[RabbitMq]:
    """RabbitMQ without the messages of the tests before; it may be stopped and started again."""
    # Connections are kept by their address: one that a test before has left may be of before a restart.
    pools.reset()
    rabbitmq_node.empty(QUEUE_NAMES)
    yield rabbitmq_node
    if rabbitmq_node.server.pid is None:
        rabbitmq_node.start()


@pytest.fixture
def site(tmp_path: Path, sqlite_catalog_url: str, broker: Valkey | RabbitMq) -> Iterator[Site]:
    with made_site(tmp_path, sqlite_catalog_url, broker) as made:
        yield made


@contextmanager
def made_site(
    directory: Path,
    catalog_url: str,
    broker: Broker,
    *,
    url: str | None = None,
    more: str = "",
    change: tuple[str, str] = ("", ""),
    variables: Mapping[str, str] | None = None,
) -> Iterator[Site]:
    """Set an installation up in a directory; `change` says what in its configuration becomes what, `more` is added."""
    silent_port = ReservedPort()
    (directory / "website").mkdir()
    (directory / "archive").mkdir()
    (directory / "website" / "index.html").write_text("hello")
    config = directory / "strongroom.toml"
    config.write_text(CONFIG.format(host=LOOPBACK, port=silent_port.number).replace(*change) + more)
    own = {
        "STRONGROOM_CONFIG": str(config),
        "STRONGROOM_CATALOG_URL": catalog_url,
        "STRONGROOM_BROKER_URL": url or broker.url,
        "SHOP_PASSWORD": "canary-database-password",
        "PYTHONPATH": str(PROJECT),
        **(variables or {}),
    }
    runtime = build_runtime(load_settings(config, own))
    try:
        set_up(runtime, Screen(quiet=True))
        yield Site(directory, own, runtime, broker, silent_port)
    finally:
        runtime.close()
        silent_port.release()


@pytest.fixture
def start_worker_at() -> Iterator[Callable[..., Server]]:
    """A function that starts one of the usual workers of a site and waits until it takes messages."""
    with started_servers() as start:
        yield lambda site, profile, *options: start(site, _name(profile, options), "worker", profile, *options)


def _name(profile: str, options: Sequence[str]) -> str:
    return options[options.index("--name") + 1] if "--name" in options else profile


@pytest.fixture
def start_worker(site: Site, start_worker_at: Callable[..., Server]) -> Callable[..., Server]:
    """The same for the site of the test."""
    return partial(start_worker_at, site)


@pytest.fixture
def start_worker_of(site: Site) -> Iterator[Callable[..., Server]]:
    """A function that starts a worker by the words of its command line, of which the last is its name."""
    with started_servers() as start:
        yield lambda *words: start(site, words[-1], "worker", *words)


@pytest.fixture
def start_beat(site: Site) -> Iterator[Callable[[str], Server]]:
    """A function that starts one more scheduler, whose log has the given name, and waits until one sends ticks."""
    command = ("worker", "beat")
    with started_servers() as start:
        yield lambda log: start(site, log, *command, alive="beat")


@pytest.fixture
def beat(start_beat: Callable[[str], Server]) -> Server:
    """The scheduler, once it sends ticks."""
    return start_beat("beat")


@contextmanager
def started_servers() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(site: Site, name: str, *module: str, alive: str | None = None) -> Server:
        server = Server(name, [sys.executable, "-m", *module], site.directory, site.environment)
        started.append(server)
        server.start(lambda: (alive or name) in site.alive(), seconds=PATIENCE_SECONDS)
        return server

    yield start
    for server in started:
        server.kill()
