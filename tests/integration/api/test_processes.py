"""`python -m api --processes 2`: two real processes behind one port, counted, replaced and ended together."""

import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families as read_families

from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade
from strongroom.catalog.session import Catalog
from strongroom.jobs.processes import ProcessKind, list_alive
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server

ROOT = Path(__file__).parents[3]
TOKEN = "canary-scrape-token"
LIVE = "/health/live"
CONFIG = """
[api]
port = {port}
processes = 2

[metrics]
token_env = "SCRAPE_TOKEN"

[regions.here]
path = "here"
"""


@dataclass(frozen=True)
class Api:
    """The processes, and the catalog in which they give signs of life."""

    server: Server
    port: int
    catalog: Catalog

    def pids(self) -> dict[str, int]:
        """Return the ids of the processes that serve, by what they call themselves in front of their host."""
        with self.catalog.read() as session:
            alive = list_alive(session, within_seconds=3600, kind=ProcessKind.API)
            return {one.name.partition("@")[0]: one.pid for one in alive}

    def ask(self, path: str) -> httpx.Response:
        """Ask over a connection of its own, which any of the processes may take; again where one died of it."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        while True:
            with suppress(httpx.TransportError):
                return httpx.get(f"http://{LOOPBACK}:{self.port}{path}", headers=headers, trust_env=False, timeout=60)

    def counted(self) -> float:
        """Return how many requests of LIVE one scrape knows of."""
        samples = [sample for family in read_families(self.ask("/metrics").text) for sample in family.samples]
        counts = [one for one in samples if one.name == "strongroom_http_requests_total"]
        return sum(one.value for one in counts if one.labels["route"] == LIVE)


@contextmanager
def running(folder: Path) -> Iterator[Api]:
    port = ReservedPort()
    (folder / "strongroom.toml").write_text(CONFIG.format(port=port.number))
    url = f"sqlite:///{folder}/catalog.db"
    engine = open_engine(url)
    upgrade(engine)
    engine.dispose()
    variables = {
        "PYTHONPATH": str(ROOT),
        "SCRAPE_TOKEN": TOKEN,
        "STRONGROOM_CATALOG_URL": url,
        "STRONGROOM_CONFIG": str(folder / "strongroom.toml"),
        "TMPDIR": str(folder),
    }
    server = Server("api", [sys.executable, "-m", "api"], folder, variables)
    api = Api(server, port.number, Catalog(open_engine(url)))
    try:
        server.start(lambda: set(api.pids()) == {"api", "api-2"}, seconds=120)
        yield api
    finally:
        server.stop()
        api.catalog.close()
        port.release()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    with running(tmp_path_factory.mktemp("api")) as api:
        yield api


def eventually(holds: Callable[[], bool], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    # What is nobody's child any more may wait for init to notice its end.
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"


def test_one_scrape_counts_the_requests_of_all_processes(shared):
    before = shared.counted()
    for _ in range(20):
        assert shared.ask(LIVE).status_code == 200

    assert {shared.counted() for _ in range(10)} == {before + 20}


def test_a_process_that_dies_is_replaced_under_its_name_and_its_counts_stay(shared):
    shared.ask(LIVE)
    counted, before = shared.counted(), shared.pids()
    os.kill(before["api-2"], signal.SIGKILL)
    eventually(lambda: shared.pids().get("api-2") != before["api-2"])

    assert shared.pids()["api"] == before["api"]
    assert set(shared.pids()) == {"api", "api-2"}
    assert shared.counted() == counted


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_no_process_outlives_the_one_that_started_it(number, tmp_path):
    with running(tmp_path) as api:
        served, parent = api.pids().values(), api.server.pid
        assert parent is not None
        assert parent not in served
        os.kill(parent, number)
        eventually(lambda: all(map(is_gone, served)))

        # In order, so that nobody waits for a sign of life of theirs.
        assert api.pids() == {}
        with pytest.raises(httpx.ConnectError):
            httpx.get(f"http://{LOOPBACK}:{api.port}{LIVE}", trust_env=False)


def test_only_the_api_itself_takes_a_number_of_processes(tmp_path):
    words = [sys.executable, "-m", "api", "metrics", "--processes", "2"]
    server = Server("api", words, tmp_path, {"PYTHONPATH": str(ROOT)})
    with pytest.raises(Exception, match="only the API itself"):
        server.start(lambda: False, seconds=120)
