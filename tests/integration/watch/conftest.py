"""An installation that is watched: a catalog, two sources, an ear, and moments put into the catalog by hand."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select

from strongroom.alerts.sending import Sender
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.jobs import Job, JobState
from strongroom.clock import SystemClock, system_random
from strongroom.ids import new_id
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.processes import ProcessIdentity, ProcessKind
from strongroom.runtime import build_runtime
from strongroom.services import Services
from strongroom.watch.watcher import Watcher
from tests.integration.alerts.stage import LOOPBACK, SECRETS, settings_with
from tests.services.loud import Ear

NOON = datetime(2026, 5, 4, 12, 0, 30, tzinfo=UTC)
TABLES = """
[channels.ear]
kind = "webhook"
url = "{url}/alerts"
secret_env = "SECRET"
[pings.shop]
source = "shop"
url_env = "SHOP_PING"
[pings.watcher]
url_env = "WATCHER_PING"
"""


class Yard:
    """The installation, and what tests do with it."""

    def __init__(self, services: Services, env: dict[str, str], ear: Ear) -> None:
        self.services = services
        self.catalog = services.catalog
        self.settings = services.settings
        self.env = env
        self.ear = ear

    def watcher(self, name: str = "watch@here:1") -> Watcher:
        """Return a watcher of that name."""
        identity = ProcessIdentity(name, ProcessKind.WATCHER, "here", 1, NOON)
        return Watcher(self.services, Sender(self.settings, self.env, self.services.clock), identity)

    def job(self, state: JobState, *, created: datetime, seconds: float = 60, **more: object) -> Job:
        """Write a backup job of `shop` as it is after some time."""
        ended = state in (JobState.SUCCEEDED, JobState.FAILED, JobState.DEAD, JobState.CANCELLED)
        values: dict[str, object] = {
            "id": new_id(SystemClock(), system_random),
            "kind": JobKind.BACKUP_RUN,
            "args": {"source": "shop"},
            "queue": "backup",
            "priority": 3,
            "request_digest": "0" * 64,
            "source": "shop",
            "state": state,
            "run_after": created,
            "publish_after": created,
            "trace_id": "0" * 32,
            "created_at": created,
            "started_at": None if state is JobState.QUEUED else created,
            "finished_at": created + timedelta(seconds=seconds) if ended else None,
            "lease_until": created + timedelta(days=9) if state is JobState.RUNNING else None,
        }
        with self.catalog.begin() as session:
            job = Job(**(values | more))
            session.add(job)
        return job

    def open_causes(self) -> set[str]:
        """Return the causes of unresolved alerts."""
        with self.catalog.read() as session:
            return set(session.scalars(select(Alert.cause).where(Alert.state != AlertState.RESOLVED)))


@pytest.fixture
def yard(catalog_url: str, tmp_path: Path, ear: Ear) -> Iterator[Yard]:
    """A watched installation; the test runs once on SQLite and once on PostgreSQL."""
    env = {**SECRETS, "SHOP_PING": f"{ear.url}/ping/shop", "WATCHER_PING": f"{ear.url}/ping/watcher?key=1"}
    env["STRONGROOM_CATALOG_URL"] = catalog_url
    settings = settings_with(tmp_path, TABLES.replace("{url}", ear.url), env, alerts=LOOPBACK)
    runtime = build_runtime(settings)
    yield Yard(runtime.services(), env, ear)
    runtime.close()
