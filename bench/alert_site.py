"""What alerts are measured on: PostgreSQL, a broker, Beat, workers, the watcher, and an ear on loopback."""

import os
import signal
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from sqlalchemy import select

from bench.measure import BenchmarkError
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.engine import open_engine
from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock, system_random
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import JobRequest, Ledger, LedgerPolicy
from strongroom.testing.postgres import ScratchPostgres
from tests.services.loud import Ear, listening
from tests.services.processes import Server
from tests.services.valkey import Valkey, running_valkey

PROJECT = Path(__file__).resolve().parents[1]
DATABASE = "catalog"
SILENT_SECONDS = 20
MISSED_SECONDS = 15
WORKERS = ("control", "backup")
BROKEN = JobFailure("bench.broken", "It is broken on purpose.", "Nothing.", retryable=False)

CONFIGURATION = """\
[regions.here]
path = "region"
[alerts]
private_networks = ["127.0.0.1/32"]
silent_seconds = {silent}
missed_seconds = {missed}
[channels.ear]
kind = "webhook"
url = "{url}/alerts"
secret_env = "EAR_SECRET"
"""
EVERY_MINUTE = """\
[sources.shop]
kind = "files"
path = "shop"
[sources.shop.schedule]
full = "* * * * *"
differential = "never"
incremental = "never"
"""
"""What only the watcher reads: a schedule that Beat and workers do not know of, so that nothing comes of it."""


@dataclass
class AlertSite:
    """The installation; its ledger is used as a worker uses it."""

    directory: Path
    environment: dict[str, str]
    postgres: ScratchPostgres
    broker: Valkey
    ear: Ear
    ledger: Ledger
    servers: dict[str, Server] = field(default_factory=dict)

    def fail(self, source: str) -> str:
        """Have a backup of the source fail for good, and return the id of its alert."""
        request = JobRequest(JobKind.BACKUP_RUN, {"source": source}, system_random(16).hex(), source=source)
        with self.ledger.catalog.begin() as session:
            job = self.ledger.enqueue(session, request).id
        claim = self.ledger.claim(job, "bench")
        if claim is None:
            raise BenchmarkError("The job could not be claimed.")
        self.ledger.fail(claim, BROKEN)
        with self.ledger.catalog.read() as session:
            found = session.scalars(select(Alert.id).where(Alert.source == source, Alert.state != AlertState.RESOLVED))
            return str(found.one())

    def heard_at(self) -> dict[str, float]:
        """Return when each alert was heard of first."""
        moments: dict[str, float] = {}
        for heard in [heard for heard in list(self.ear.heard) if heard.answered]:
            for alert in heard.json["alerts"]:
                moments.setdefault(alert["id"], heard.at)
        return moments

    def heard_causes(self, cause: str) -> list[float]:
        """Return when a cause was heard of, without the messages that it is over."""
        return [
            heard.at
            for heard in list(self.ear.heard)
            if heard.json["reason"] != "resolved" and any(a["cause"] == cause for a in heard.json["alerts"])
        ]

    def value(self, query: str) -> Any:
        """Return the one value of a query."""
        with self.postgres.connect(DATABASE) as connection:
            row = connection.execute(query.encode()).fetchone()
        return None if row is None else row[0]

    def execute(self, statement: str) -> None:
        """Change something in the catalog."""
        with self.postgres.connect(DATABASE) as connection:
            connection.execute(statement.encode())

    def claimed(self) -> int:
        """Count the deliveries that somebody has claimed and that are not settled."""
        waiting = "state = 'waiting' AND lease_owner IS NOT NULL AND due_at > now()"
        return int(self.value(f"SELECT count(*) FROM alert_delivery WHERE {waiting}"))

    def waiting(self) -> int:
        """Count the deliveries that nobody has taken."""
        return int(self.value("SELECT count(*) FROM alert_delivery WHERE state = 'waiting'"))

    def start(self, name: str, *module: str) -> Server:
        """Start `python -m MODULE ...`."""
        server = Server(name, [sys.executable, "-m", *module], self.directory, self.environment)
        server.start(lambda: server.pid is not None)
        self.servers[name] = server
        return server

    def start_watcher(self, name: str = "watch", *, more: str = "") -> Server:
        """Start a watcher, with more in its settings than the others have."""
        if not more:
            return self.start(name, "strongroom", "watch")
        config = self.directory / f"{name}.toml"
        config.write_text(Path(self.environment["STRONGROOM_CONFIG"]).read_text() + more)
        return self.start(name, "strongroom", "--config", str(config), "watch")

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Run the watcher until the block ends."""
        server = self.start_watcher()
        try:
            yield
        finally:
            server.stop()

    @contextmanager
    def serving(self, *, watchers: int = 1, more: str = "") -> Iterator[None]:
        """Run Beat, workers and watchers until the block ends."""
        try:
            self.give_back("workers")
            self.give_back("beat")
            for number in range(watchers):
                self.start_watcher(f"watch-{number}", more=more)
            yield
        finally:
            for server in self.servers.values():
                if server.pid is not None:
                    os.killpg(server.pid, signal.SIGKILL)

    def take_away(self, name: str) -> None:
        """End Beat, all workers, the broker or the catalog as a power cut would."""
        if name == "broker":
            self.broker.kill()
        elif name == "catalog":
            self.ledger.catalog.close()
            self.postgres.stop(immediate=True)
        elif name == "evaluator":
            # With Beat, so that there is something which nobody would evaluate.
            os.kill(self._leader(), signal.SIGKILL)
            self.take_away("beat")
        else:
            for server in self._of(name):
                if server.pid is not None:
                    os.killpg(server.pid, signal.SIGKILL)

    def give_back(self, name: str) -> None:
        """Start again what was taken away."""
        if name == "broker":
            self.broker.start()
        elif name == "catalog":
            self.postgres.start()
        elif name == "evaluator":
            self.give_back("beat")
            for watcher in ("watch-0", "watch-1"):
                if not self._lives(watcher):
                    self.start_watcher(watcher)
        elif name == "beat":
            self.start("beat", "celery", "--app", "worker.app", "beat", "--loglevel=INFO")
        else:
            for worker in WORKERS:
                self.start(f"worker-{worker}", "worker", worker)

    def is_well(self) -> bool:
        """Say whether Beat, workers and ticks are fresh and no alert is open."""
        fresh = "beat_at > now() - interval '11 seconds'"
        ticked = "name = 'jobs.dispatch' AND at > now() - interval '8 seconds'"
        try:
            kinds = self.value(f"SELECT count(DISTINCT kind) FROM heartbeat WHERE {fresh}")
            ticks = self.value(f"SELECT count(*) FROM watch_tick WHERE {ticked}")
            wrong = self.value("SELECT count(*) FROM alert WHERE state <> 'resolved'")
        except psycopg.Error:
            return False
        return (kinds, ticks, wrong) == (3, 1, 0)

    def _leader(self) -> int:
        """Return the process that evaluates."""
        return int(str(self.value("SELECT owner FROM watch_lease")).rpartition(":")[2])

    def _lives(self, server: str) -> bool:
        pid = self.servers[server].pid
        return pid is not None and Path(f"/proc/{pid}/exe").exists()

    def forget(self) -> None:
        """Forget every alert, as if a day had passed: of one that comes and goes nothing more would be said."""
        for table in ("alert_delivery", "alert_notice", "alert_event", "alert"):
            self.execute(f"DELETE FROM {table}")

    def is_cleared(self, cause: str) -> bool:
        """Say whether no alert of a cause is open, and that it ended is written down."""
        with self.ledger.catalog.read() as session:
            found = session.scalars(select(Alert.state).where(Alert.cause == cause)).all()
        return bool(found) and all(state is AlertState.RESOLVED for state in found)

    def wait_until(self, done: Callable[[], bool], what: str, seconds: float, every: float = 0.05) -> None:
        """Look until it is so; raises BenchmarkError when it does not become so."""
        deadline = time.monotonic() + seconds
        while not self._is(done):
            if time.monotonic() > deadline:
                raise BenchmarkError(f"not within {seconds:.0f} s: {what}")
            time.sleep(every)

    def _is(self, done: Callable[[], bool]) -> bool:
        try:
            return done()
        except CatalogUnavailableError:
            return False

    def _of(self, name: str) -> list[Server]:
        names = ["beat"] if name == "beat" else [f"worker-{worker}" for worker in WORKERS]
        return [self.servers[server] for server in names]


@contextmanager
def alert_site(directory: Path) -> Iterator[AlertSite]:
    """Start a database, a broker and an ear in the empty directory and prepare the catalog."""
    with (
        ScratchPostgres(durable=True) as postgres,
        running_valkey(directory / "v") as broker,
        listening() as ear,
    ):
        postgres.create_database(DATABASE)
        (directory / "shop").mkdir()
        config = directory / "strongroom.toml"
        config.write_text(CONFIGURATION.format(url=ear.url, silent=SILENT_SECONDS, missed=MISSED_SECONDS))
        environment = {
            "STRONGROOM_CONFIG": str(config),
            "STRONGROOM_CATALOG_URL": postgres.url(DATABASE),
            "STRONGROOM_BROKER_URL": broker.url,
            "EAR_SECRET": uuid.uuid4().hex,
            "PYTHONPATH": str(PROJECT),
        }
        command = [sys.executable, "-m", "strongroom", "init", "--upgrade"]
        subprocess.run(command, env={**os.environ, **environment}, cwd=directory, check=True, capture_output=True)
        catalog = Catalog(open_engine(postgres.url(DATABASE)))
        ledger = Ledger(catalog, SystemClock(), system_random, LedgerPolicy())
        yield AlertSite(directory, environment, postgres, broker, ear, ledger)
        catalog.close()
