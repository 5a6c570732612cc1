"""A catalog with something in it of everything that metrics are made from."""

import uuid
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from prometheus_client.core import Metric
from sqlalchemy import event

from strongroom.catalog.backups import Backup, BackupKind, BackupState, Replica, ReplicaState
from strongroom.catalog.jobs import Job, JobState
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock, system_random
from strongroom.ids import new_id
from strongroom.jobs.kinds import JobKind
from strongroom.metrics.exporting import export
from strongroom.settings import Settings, load_settings

REGIONS = ("here", "there", "yonder")
SETTINGS = """
[regions.here]
home = true
path = "regions/here"

[regions.there]
path = "regions/there"

[regions.yonder]
path = "regions/yonder"

[channels.ops]
kind = "webhook"
url = "https://ops.example.org/hook"
secret_env = "OPS_SECRET"
"""
SOURCE = """
[sources.{name}]
kind = "files"
path = "{name}"
"""


@dataclass(frozen=True)
class Installation:
    """A catalog, and what was scraped from it."""

    catalog: Catalog
    settings: Settings

    def scrape(self) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
        """Return every sample by its name and labels."""
        return samples(export(self.catalog, self.settings))

    def value(self, name: str, **labels: str) -> float | None:
        """Return one sample, if it is there."""
        return self.scrape().get((f"strongroom_{name}", tuple(sorted(labels.items()))))


def samples(families: Sequence[Metric]) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Return every sample of some families by its name and labels; no two are the same."""
    every = [sample for family in families for sample in family.samples]
    found = {(sample.name, tuple(sorted(sample.labels.items()))): sample.value for sample in every}
    assert len(found) == len(every), "Two samples have one name and the same labels."
    return found


@pytest.fixture
def make_installation(catalog: Catalog, tmp_path: Path) -> Callable[..., Installation]:
    """Return what makes an installation with sources of these names."""

    def make(*sources: str) -> Installation:
        file = tmp_path / "strongroom.toml"
        file.write_text(SETTINGS + "".join(SOURCE.format(name=name) for name in sources), encoding="utf-8")
        return Installation(catalog, load_settings(file, {"OPS_SECRET": "canary-of-a-channel-of-many-characters"}))

    return make


@pytest.fixture
def installation(make_installation: Callable[..., Installation]) -> Installation:
    """An installation with one source and nothing that happened."""
    return make_installation("shop")


@pytest.fixture
def statements(catalog: Catalog) -> Iterator[list[str]]:
    """Every statement that was sent to the catalog since."""
    sent: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        sent.append(statement)

    event.listen(catalog.engine, "before_cursor_execute", note)
    yield sent
    event.remove(catalog.engine, "before_cursor_execute", note)


def make_backup(
    source: str, age: timedelta, *, seconds: float = 90.0, size: int = 1000, state: BackupState = BackupState.COMMITTED
) -> Backup:
    """Return a backup that began so long ago."""
    began = datetime.now(UTC) - age
    return Backup(
        id=new_id(SystemClock(), system_random),
        source=source,
        source_kind="files",
        kind=BackupKind.FULL,
        state=state,
        session_id=uuid.uuid4(),
        trace_id=uuid.uuid4().hex,
        policy="operational-data",
        regions=list(REGIONS),
        created_at=began,
        committed_at=began + timedelta(seconds=seconds) if state is not BackupState.RUNNING else None,
        source_bytes=size,
        stored_bytes=size // 2,
        objects=3,
    )


def make_replicas(backup: Backup, *present: str) -> list[Replica]:
    """Return the copies of a backup in all regions, whole in those that are named."""
    now = datetime.now(UTC)
    return [
        Replica(
            backup_id=backup.id,
            region=region,
            state=ReplicaState.PRESENT if region in present else ReplicaState.WANTED,
            objects=3 if region in present else 0,
            bytes=backup.stored_bytes if region in present else 0,
            updated_at=now,
        )
        for region in REGIONS
    ]


def make_job(state: JobState, *, source: str = "shop", attempt: int = 1, due: timedelta = timedelta(0)) -> Job:
    """Return a backup's job that was due so long ago."""
    now = datetime.now(UTC)
    ended = state not in (JobState.QUEUED, JobState.RUNNING, JobState.PAUSED)
    return Job(
        id=new_id(SystemClock(), system_random),
        kind=JobKind.BACKUP_RUN,
        args={"source": source},
        queue="backup",
        priority=1,
        request_digest="0" * 64,
        source=source,
        state=state,
        attempt=attempt,
        lease_until=now if state is JobState.RUNNING else None,
        run_after=now - due,
        publish_after=now,
        trace_id=uuid.uuid4().hex,
        created_at=now - due,
        finished_at=now if ended else None,
    )
