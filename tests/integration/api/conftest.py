"""The API served over real HTTP on a private port, with a catalog of its own and a broker that can be away."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue

import httpx
import pytest
import uvicorn

from api.app import create_app
from strongroom.catalog.backups import Backup, BackupKind, BackupState
from strongroom.clock import SystemClock, system_random
from strongroom.ids import new_id
from strongroom.jobs.errors import BrokerUnavailableError
from strongroom.jobs.outbox import JobMessage
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import load_settings

TOKEN = "a service token for tests"

CONFIG = """
[regions.here]
home = true
path = "regions/here"

[regions.there]
path = "regions/there"

[sources.website]
kind = "files"
path = "website"

[sources.shop]
kind = "postgres"
dbname = "shop"
user = "backup"
password_env = "SHOP_PASSWORD"
"""


@dataclass
class Broker:
    """Takes messages, or is away; the API hands a job over just after it has answered."""

    away: bool = False
    taken: Queue[JobMessage] = field(default_factory=Queue)
    refused: Queue[JobMessage] = field(default_factory=Queue)

    def publish(self, message: JobMessage) -> None:
        if self.away:
            self.refused.put(message)
            raise BrokerUnavailableError("The broker is away.", next_step="Start it.")
        self.taken.put(message)


@pytest.fixture
def broker() -> Broker:
    return Broker()


@pytest.fixture
def runtime(catalog_url: str, tmp_path: Path) -> Iterator[Runtime]:
    """The runtime of an API on an empty catalog; once on SQLite and once on PostgreSQL."""
    config = tmp_path / "strongroom.toml"
    config.write_text(CONFIG)
    secrets = {
        "STRONGROOM_CATALOG_URL": catalog_url,
        "STRONGROOM_API_TOKEN": TOKEN,
        "SHOP_PASSWORD": "canary-database-password",
    }
    built = build_runtime(load_settings(config, secrets))
    yield built
    built.close()


@pytest.fixture
def base_url(runtime: Runtime, broker: Broker) -> Iterator[str]:
    config = uvicorn.Config(
        create_app(runtime, broker.publish), host="127.0.0.1", port=0, log_level="warning", timeout_graceful_shutdown=1
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "The API did not start."
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def stranger(base_url: str) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=base_url, trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def client(base_url: str) -> Iterator[httpx.Client]:
    """A client with the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=base_url, headers=headers, trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def make_backup(runtime: Runtime) -> Callable[..., uuid.UUID]:
    """Write a backup into the catalog and return its id."""

    def make(source: str = "website", state: BackupState = BackupState.COMMITTED) -> uuid.UUID:
        now = datetime.now(UTC)
        backup_id = new_id(SystemClock(), system_random)
        with runtime.catalog.begin() as session:
            session.add(
                Backup(
                    id=backup_id,
                    source=source,
                    source_kind="postgres" if source == "shop" else "files",
                    kind=BackupKind.FULL,
                    state=state,
                    session_id=uuid.uuid4(),
                    trace_id=uuid.uuid4().hex,
                    policy="operational-data",
                    regions=["here", "there"],
                    created_at=now,
                    committed_at=now if state is BackupState.COMMITTED else None,
                )
            )
        return backup_id

    return make
