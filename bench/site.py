"""A small installation to measure: PostgreSQL that keeps what it committed, a broker, the API and one worker."""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
from celery import Celery

from bench.bare import PROFILE
from bench.measure import BenchmarkError
from strongroom.testing.postgres import ScratchPostgres
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server
from tests.services.valkey import Valkey, running_valkey

PROJECT = Path(__file__).resolve().parents[1]
DATABASE = "catalog"
LOOK_SECONDS = 0.02
PATIENCE_SECONDS = 600.0

CONFIGURATION = """\
[api]
port = {port}

[regions.here]
path = "region"
"""


@dataclass(frozen=True, slots=True)
class Site:
    """The installation, with what its processes are started with."""

    directory: Path
    environment: dict[str, str]
    postgres: ScratchPostgres
    broker: Valkey
    api_port: int
    token: str

    @contextmanager
    def running(self, name: str, *module: str, answers: Callable[[], bool]) -> Iterator[Server]:
        """Run `python -m MODULE ...` until the block ends."""
        server = Server(name, [sys.executable, "-m", *module], self.directory, self.environment)
        try:
            server.start(answers, seconds=PATIENCE_SECONDS)
            yield server
        finally:
            server.stop()

    @contextmanager
    def service(self) -> Iterator[httpx.Client]:
        """Run the API and one worker of two processes; yields a client of the API."""
        headers = {"Authorization": f"Bearer {self.token}"}
        with ExitStack() as stack:
            address = f"http://{LOOPBACK}:{self.api_port}"
            client = stack.enter_context(httpx.Client(base_url=address, headers=headers, trust_env=False, timeout=60))
            stack.enter_context(self.running("api", "api", answers=lambda: _is_ready(client)))
            stack.enter_context(self.running("worker", "worker", PROFILE, answers=self.has_worker))
            yield client

    @contextmanager
    def bare_worker(self) -> Iterator[None]:
        """Run a bare Celery worker of two processes."""
        with self.running("bare", "bench.bare", answers=self.has_worker):
            yield

    def has_worker(self) -> bool:
        """Say whether a worker takes messages."""
        app = Celery("looking", broker=self.broker.url, set_as_current=False)
        return bool(app.control.ping(timeout=0.5))

    def count(self, condition: str) -> int:
        """Count the jobs in the ledger for which an SQL condition holds."""
        with self.postgres.connect(DATABASE) as connection:
            row = connection.execute(f"SELECT count(*) FROM job WHERE {condition}".encode()).fetchone()
        return int(row[0]) if row else 0

    def is_at_rest(self) -> bool:
        """Say whether no job waits or runs; a look at two indexes, which takes nothing from what is measured."""
        waits, runs = (f"EXISTS (SELECT FROM job WHERE state = '{state}')" for state in ("queued", "running"))
        with self.postgres.connect(DATABASE) as connection:
            row = connection.execute(f"SELECT NOT {waits} AND NOT {runs}".encode()).fetchone()
        return bool(row and row[0])

    def unanswered(self) -> int:
        """Count the messages that wait in the broker or are not acknowledged yet."""
        with self.broker.client() as client:
            queues = [name for name in client.keys("maintenance*") if client.type(name) == b"list"]
            waiting: int = sum(client.llen(name) for name in queues)
            return int(client.hlen("unacked")) + waiting


@contextmanager
def new_site(directory: Path) -> Iterator[Site]:
    """Start a database and a broker in the empty directory and prepare the catalog."""
    port = ReservedPort()
    with ScratchPostgres(durable=True) as postgres, running_valkey(directory / "v") as broker:
        postgres.create_database(DATABASE)
        (directory / "strongroom.toml").write_text(CONFIGURATION.format(port=port.number))
        environment = {
            "STRONGROOM_CONFIG": str(directory / "strongroom.toml"),
            "STRONGROOM_CATALOG_URL": postgres.url(DATABASE),
            "STRONGROOM_BROKER_URL": broker.url,
            "PYTHONPATH": str(PROJECT),
        }
        command = [sys.executable, "-m", "strongroom", "init", "--upgrade"]
        subprocess.run(command, env={**os.environ, **environment}, cwd=directory, check=True, capture_output=True)
        yield Site(directory, environment, postgres, broker, port.number, _new_token(directory, environment))
    port.release()


def _new_token(directory: Path, environment: dict[str, str]) -> str:
    """Return a new service token of the site."""
    grants = ("--grant", "read", "--grant", "run", "--grant", "change")
    command = [sys.executable, "-m", "strongroom", "tokens", "create", "bench", *grants]
    done = subprocess.run(
        command, env={**os.environ, **environment}, cwd=directory, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def wait_until(done: Callable[[], bool]) -> None:
    """Look until it is so; raises BenchmarkError after ten minutes."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not done():
        if time.monotonic() > deadline:
            raise BenchmarkError("What was measured did not come to an end.")
        time.sleep(LOOK_SECONDS)


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health/ready").is_success
    except httpx.TransportError:
        return False
