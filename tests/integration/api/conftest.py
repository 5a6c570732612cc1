"""The API served over real HTTP on a private port, with a catalog of its own and a broker that can be away."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from queue import Queue

import httpx
import pytest
import uvicorn
from fastapi import FastAPI

from api.app import create_app
from api.malformed import ProblemHttp
from strongroom.access.errors import CredentialRefusal
from strongroom.access.principals import Principal, PrincipalKind, Role
from strongroom.accounts.tokens import refused
from strongroom.catalog.backups import Backup, BackupKind, BackupState
from strongroom.catalog.service_tokens import TokenKind
from strongroom.clock import SystemClock, system_random
from strongroom.ids import new_id
from strongroom.jobs.errors import BrokerUnavailableError
from strongroom.jobs.outbox import JobMessage
from strongroom.keyring.key_file import KeyFile
from strongroom.runtime import Runtime, build_runtime
from strongroom.servicetokens.tokens import ServiceTokens, TokenRequest
from strongroom.settings import load_settings
from tests.services.operators import write_account

LOGIN = "the access token of an operator of these tests"
SECOND = "the access token of a second operator of these tests"
ADA, BO = "ada", "bo"

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

[policies.operational-data]
retention_days = 90
compliance = []
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
    KeyFile.create(tmp_path / "strongroom.keys", ["here", "there"])
    secrets = {
        "STRONGROOM_CATALOG_URL": catalog_url,
        "SHOP_PASSWORD": "canary-database-password",
    }
    built = build_runtime(load_settings(config, secrets))
    yield built
    built.close()


@pytest.fixture
def app(runtime: Runtime, broker: Broker) -> FastAPI:
    built = create_app(runtime, broker.publish)
    for name in (ADA, BO):
        write_account(runtime.catalog, account_of(name), name)
    built.state.gate.authenticate = operator
    built.state.step_ups = replace(built.state.step_ups, codes=Codes())
    return built


@pytest.fixture
def base_url(app: FastAPI) -> Iterator[str]:
    with served(app) as address:
        yield address


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """Serve as the process does, in a thread; yield the address."""
    config = uvicorn.Config(
        app, host="127.0.0.1", port=0, http=ProblemHttp, log_config=None, timeout_graceful_shutdown=1
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


def account_of(name: str) -> uuid.UUID:
    """Return the id of an operator's account."""
    return uuid.uuid5(uuid.NAMESPACE_DNS, name)


def operator(shown: str) -> Principal:
    """Return the administrator these tests log in as, who has just shown a code."""
    name = {LOGIN: ADA, SECOND: BO}.get(shown)
    if name is None:
        raise refused(CredentialRefusal.UNKNOWN)
    account = str(account_of(name))
    return Principal(
        account, name, PrincipalKind.OPERATOR, Role.ADMIN, factor_at=SystemClock().now(), session_id=account
    )


class Codes:
    """Takes every code once but `wrong`."""

    def __init__(self) -> None:
        self.used: set[tuple[uuid.UUID, str]] = set()

    def verify(self, account_id: uuid.UUID, code: str, now: datetime) -> None:
        """Use a code up; raises TokenExpiredOrWrongError."""
        if code == "wrong" or (account_id, code) in self.used:
            raise refused(CredentialRefusal.UNKNOWN)
        self.used.add((account_id, code))


@pytest.fixture
def make_machine(base_url: str, runtime: Runtime) -> Iterator[Callable[..., httpx.Client]]:
    """Return what makes a client with a service token that has these grants."""
    tokens = ServiceTokens(runtime.catalog, runtime.clock, system_random)
    with ExitStack() as stack:

        def make(*grants: str, networks: tuple[str, ...] = ()) -> httpx.Client:
            name = f"machine-{len(tokens.list())}"
            new = tokens.create(TokenRequest(name, TokenKind.CI, grants, "tests", networks))
            headers = {"Authorization": f"Bearer {new.text}"}
            return stack.enter_context(httpx.Client(base_url=base_url, headers=headers, trust_env=False, timeout=20))

        yield make


@pytest.fixture
def stranger(base_url: str) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=base_url, trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def client(base_url: str) -> Iterator[httpx.Client]:
    """A client of an operator who may do everything that needs no code of its own."""
    headers = {"Authorization": f"Bearer {LOGIN}"}
    with httpx.Client(base_url=base_url, headers=headers, trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def second(base_url: str) -> Iterator[httpx.Client]:
    """A client of another administrator."""
    headers = {"Authorization": f"Bearer {SECOND}"}
    with httpx.Client(base_url=base_url, headers=headers, trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def step_up(client: httpx.Client, second: httpx.Client) -> Callable[..., dict[str, str]]:
    """Return what goes through a step-up, and gives the header that a request then carries."""

    def go_through(verb: str, target: str, subject: str = "") -> dict[str, str]:
        asked = client.post("/v1/step-up/challenges", json={"verb": verb, "target": target, "subject": subject}).json()
        place = f"/v1/step-up/challenges/{asked['id']}"
        confirmed = client.post(f"{place}/confirm", json={"code": uuid.uuid4().hex, "typed": target})
        assert confirmed.status_code == 200
        if asked["needs_approval"]:
            assert second.post(f"{place}/approve", json={"code": uuid.uuid4().hex}).status_code == 200
        return {"Step-Up": asked["id"]}

    return go_through


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
