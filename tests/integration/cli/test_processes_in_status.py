"""What `strongroom status` says of Beat and workers, and the exit code a monitor looks at."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import update

from strongroom.catalog.engine import open_engine
from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.session import Catalog
from strongroom.jobs.processes import ProcessIdentity, ProcessKind, record_heartbeat
from strongroom.settings import load_settings
from tests.integration.cli.conftest import Run

HEALTHY, UNHEALTHY = 0, 4


@pytest.fixture
def catalog(backed_up: str, tmp_path: Path) -> Iterator[Catalog]:
    """The catalog of an installation whose only source is protected."""
    settings = load_settings(tmp_path / "strongroom.toml", {})
    opened = Catalog(open_engine(settings.catalog_url.get_secret_value()))
    yield opened
    opened.close()


@pytest.fixture
def gives_sign(catalog: Catalog) -> Callable[[str, ProcessKind], None]:
    """A function by which a process gives a sign of life."""

    def give(name: str, kind: ProcessKind) -> None:
        with catalog.begin() as session:
            record_heartbeat(session, ProcessIdentity(name, kind, socket.gethostname(), 1, datetime.now(UTC)))

    return give


def test_where_nothing_runs_nothing_is_missed(installed: Run, backed_up: str):
    code, out, _ = installed("status")

    assert code == HEALTHY
    assert "Beat" not in out


def test_workers_without_beat_are_unhealthy(installed: Run, gives_sign: Callable[[str, ProcessKind], None]):
    gives_sign("control@here", ProcessKind.WORKER)
    gives_sign("watch@here:9", ProcessKind.WATCHER)

    code, out, _ = installed("status")

    assert code == UNHEALTHY
    assert out.startswith("Every source is protected, but Beat is missing.")
    assert "No Beat has given a sign of life for a minute: workers stand in for it. Start Beat again." in out
    code, out, _ = installed("status", "--json")
    told = json.loads(out)
    assert (code, told["healthy"], told["schedulers"], told["scheduler_missing"]) == (UNHEALTHY, False, 0, True)
    assert told["missing"] == ["scheduler"]


@pytest.mark.parametrize(
    ("alive", "said"),
    [
        ((ProcessKind.API,), "No worker has given a sign of life for a minute: no job runs."),
        ((ProcessKind.WORKER, ProcessKind.SCHEDULER), "nobody is told of anything. Start it: strongroom watch"),
    ],
)
def test_a_service_without_workers_or_watcher_is_unhealthy(
    installed: Run, gives_sign: Callable[[str, ProcessKind], None], alive: tuple[ProcessKind, ...], said: str
):
    for kind in alive:
        gives_sign(f"{kind}@here", kind)

    code, out, _ = installed("status")

    assert code == UNHEALTHY
    assert "is missing." in out.splitlines()[0]
    assert said in out


def test_a_machine_that_was_killed_misses_all_of_it_for_a_day(
    installed: Run, gives_sign: Callable[[str, ProcessKind], None], catalog: Catalog
):
    gives_sign("control@here", ProcessKind.WORKER)
    for hours, expected in ((23, UNHEALTHY), (25, HEALTHY)):
        with catalog.begin() as session:
            session.execute(update(Heartbeat).values(beat_at=datetime.now(UTC) - timedelta(hours=hours)))
        assert installed("status")[0] == expected


def test_a_beat_that_went_silent_is_missing(
    installed: Run, gives_sign: Callable[[str, ProcessKind], None], catalog: Catalog
):
    gives_sign("control@here", ProcessKind.WORKER)
    gives_sign("beat@here:7", ProcessKind.SCHEDULER)
    gives_sign("watch@here:9", ProcessKind.WATCHER)
    assert installed("status")[0] == HEALTHY
    long_ago = datetime.now(UTC) - timedelta(seconds=90)
    with catalog.begin() as session:
        session.execute(update(Heartbeat).where(Heartbeat.name == "beat@here:7").values(beat_at=long_ago))

    code, out, _ = installed("status")

    assert code == UNHEALTHY
    assert "Beat is missing" in out


def test_two_beats_are_well_and_are_said_to_be_two(installed: Run, gives_sign: Callable[[str, ProcessKind], None]):
    gives_sign("control@here", ProcessKind.WORKER)
    gives_sign(f"beat@here:{os.getpid()}", ProcessKind.SCHEDULER)
    gives_sign("beat@there:8", ProcessKind.SCHEDULER)
    gives_sign("watch@here:9", ProcessKind.WATCHER)

    code, out, _ = installed("status")

    assert code == HEALTHY
    assert out.startswith("Every source is protected.")
    assert "2 Beats are alive; one is enough, more do no harm." in out
