"""The installation that the storm goes over: a catalog and a database on PostgreSQL, a broker, workers and Beat."""

import random
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade
from strongroom.keyring.key_file import KeyFile
from strongroom.repository.access import create_repository
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import load_settings
from strongroom.storage.local import LocalStore
from strongroom.testing.postgres import ScratchPostgres
from tests.chaos.brokers import Broker, BrokerKind, running_broker
from tests.chaos.processes import Keeper
from tests.e2e.databases import make_database

PROJECT = Path(__file__).resolve().parents[2]
REGIONS = ("eu", "us", "ap")
TREES = ("mail", "photos", "papers", "music", "code")
DATABASE = "shop"
WORKERS = {
    "control": "control",
    "backup": "backup",
    "recovery": "recovery",
    "other-backup": "backup",
    "other-recovery": "recovery",
}
"""Names and profiles. Two serve each queue of work: what one of them freezes on, the other one takes over."""
ROWS = 300

# Everything that waits waits seconds instead of minutes, and no job may fail only because the weather is bad.
# Regions are slow, so that jobs last seconds and faults find them at work.
CONFIGURATION = """
data_dir = "data"
[jobs]
lease_seconds = 3
max_errors = 100
max_crashes = 100
retry_seconds = 1
republish_seconds = 4
[regions.eu]
home = true
path = "regions/eu"
requests_per_second = 40
[regions.us]
path = "regions/us"
requests_per_second = 40
[regions.ap]
path = "regions/ap"
requests_per_second = 40
[sources.shop]
kind = "postgres"
host = "{host}"
port = {port}
dbname = "shop"
user = "{user}"
password_env = "SHOP_PASSWORD"
schedule = {{ enabled = false }}
"""

TREE = """
[sources.{name}]
kind = "files"
path = "sources/{name}"
schedule = {{ enabled = false }}
"""


@dataclass(frozen=True)
class Installation:
    """What the storm needs of it; `runtime` is the view of a client, who asks for jobs and looks at them."""

    directory: Path
    postgres: ScratchPostgres
    broker: Broker
    keeper: Keeper
    runtime: Runtime

    def stores(self) -> dict[str, LocalStore]:
        """Return the regions as they are on disk, without the limits that the jobs keep."""
        return {name: LocalStore(name, self.directory / "regions" / name) for name in REGIONS}


@contextmanager
def installation(directory: Path, seed: int, kind: BrokerKind) -> Iterator[Installation]:
    """Set everything up, start every process, and end all of it with the block."""
    with ExitStack() as stack:
        # Its crashes must lose nothing that was committed: that is what the ledger stands on.
        postgres = stack.enter_context(ScratchPostgres(durable=True))
        postgres.create_database("catalog")
        make_database(postgres, DATABASE, rows=ROWS)
        broker = stack.enter_context(running_broker(directory, kind))
        _make_trees(directory / "sources", random.Random(seed))
        environment = _environment(directory, postgres, broker)
        runtime = _found(directory, environment, postgres)
        stack.callback(runtime.close)
        keeper = Keeper(directory / "logs", environment, _commands())
        stack.callback(keeper.stop)
        keeper.start()
        yield Installation(directory, postgres, broker, keeper, runtime)


def _commands() -> dict[str, list[str]]:
    workers = {name: [sys.executable, "-m", "worker", profile, "--name", name] for name, profile in WORKERS.items()}
    return workers | {"beat": [sys.executable, "-m", "celery", "--app", "worker.app", "beat", "--loglevel=INFO"]}


def _environment(directory: Path, postgres: ScratchPostgres, broker: Broker) -> dict[str, str]:
    scratch = directory / "tmp"
    scratch.mkdir()
    return {
        "STRONGROOM_CONFIG": str(directory / "strongroom.toml"),
        "STRONGROOM_CATALOG_URL": postgres.url("catalog"),
        "STRONGROOM_BROKER_URL": broker.url,
        "SHOP_PASSWORD": postgres.password,
        "PYTHONPATH": str(PROJECT),
        "TMPDIR": str(scratch),
    }


def _found(directory: Path, environment: Mapping[str, str], postgres: ScratchPostgres) -> Runtime:
    config = directory / "strongroom.toml"
    server = CONFIGURATION.format(host=postgres.host, port=postgres.port, user=postgres.user)
    config.write_text(server + "".join(TREE.format(name=name) for name in TREES))
    settings = load_settings(config, environment)
    engine = open_engine(settings.catalog_url.get_secret_value())
    upgrade(engine)
    engine.dispose()
    KeyFile.create(settings.keyring.path, list(REGIONS))
    (directory / "data").mkdir()
    runtime = build_runtime(settings)
    for store in runtime.stores.values():
        assert isinstance(store, LocalStore)
        store.prepare()
    create_repository(runtime.stores, runtime.keks, clock=runtime.clock, random=runtime.random)
    return runtime


def _make_trees(root: Path, chance: random.Random) -> None:
    for name in TREES:
        for number in range(40):
            path = root / name / f"{number % 5}" / f"{number}.bin"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(chance.randbytes(chance.randrange(20_000)))
