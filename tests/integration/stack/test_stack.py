"""The whole service on this machine: up, used, down, and nothing left."""

import os
import signal
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from stack.errors import NotRunningError, PortTakenError, SetUpError
from stack.installation import Installation
from stack.lifecycle import down, states, up
from stack.readiness import Stack
from stack.supervision import Supervisor
from stack.watchdog import Watchdog
from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.cli.init import set_up
from strongroom.cli.screen import Screen
from strongroom.clock import SystemClock
from strongroom.runtime import build_runtime
from tests.services.ports import ReservedPort

pytestmark = pytest.mark.slow

CONFIG = """
[worker]
grace_seconds = 1

[api]
port = {api}

[metrics]
port = {metrics}

[flower]
port = {flower}

[regions.here]
path = "regions/here"

[sources.website]
kind = "files"
path = "website"
"""
PATIENCE_SECONDS = 120
clock = SystemClock()
said: list[str] = []


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    directory = tmp_path_factory.mktemp("stack") / "site"
    with ExitStack() as stack:
        ports = [ReservedPort(), ReservedPort(), ReservedPort()]
        for port in ports:
            stack.callback(port.release)
        made = Installation(directory)
        made.make_directories()
        (directory / "website").mkdir()
        (directory / "website" / "index.html").write_text("hello")
        made.config.write_text(CONFIG.format(api=ports[0].number, flower=ports[1].number, metrics=ports[2].number))
        stack.callback(down, made, clock)
        yield made


@pytest.fixture
def running(installation: Installation) -> Stack:
    """The stack, started unless it runs: `up` does nothing twice."""
    return up(installation, os.environ, clock, said.append)


@pytest.fixture
def client(running: Stack) -> Iterator[httpx.Client]:
    with running.client() as opened:
        yield opened


def pids(installation: Installation) -> dict[str, int]:
    return {state.name: state.pid for state in states(installation) if state.state == "RUNNING"}


def eventually(answer) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not answer():
        assert time.monotonic() < deadline, "It did not happen."
        time.sleep(0.2)


def test_every_process_has_shown_that_it_works(client, installation, running):
    processes = {process["name"].split("@")[0] for process in client.get("/v1/status").json()["processes"]}

    assert processes == {"api", "beat", "control", "backup", "recovery", "watch"}
    assert {state.state for state in states(installation)} == {"RUNNING"}


def test_a_job_runs_from_the_request_to_its_end(client):
    job = client.post("/v1/backups", json={"source": "website"}).json()

    eventually(lambda: client.get(f"/v1/jobs/{job['id']}").json()["state"] == "succeeded")

    backup = client.get(f"/v1/backups/{job['id']}").json()
    assert backup["state"] == "committed"
    eventually(lambda: client.get(f"/v1/backups/{job['id']}").json()["protected_at"])


def test_prometheus_on_this_machine_reads_metrics_without_a_token(running):
    answer = httpx.get(running.metrics, trust_env=False)

    assert answer.status_code == 200
    assert "strongroom_up 1" in answer.text
    assert answer.headers["x-trace-id"]
    others = [httpx.get(running.metrics.replace("/metrics", path), trust_env=False) for path in ("/", "/v1/status")]
    assert [other.status_code for other in others] == [404, 404]
    assert all(other.json()["request_id"] == other.headers["x-request-id"] for other in others)


def test_up_again_changes_nothing(installation, running):
    before = pids(installation)

    again = up(installation, os.environ, clock, said.append)

    assert again == running
    assert pids(installation) == before
    assert "Already running." in said


def test_everything_listens_on_loopback_only(installation, running):
    for state, pid in pids(installation).items():
        for local in listening(pid):
            assert local.startswith("0100007F:"), state


def listening(pid: int) -> Iterator[str]:
    """Yield the local addresses, in the kernel's spelling, on which a process listens over IPv4."""
    inodes = {link[8:-1] for link in links(pid) if link.startswith("socket:[")}
    for line in Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[3] == "0A" and fields[9] in inodes:
            yield fields[1]


def links(pid: int) -> list[str]:
    found = []
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            found.append(str(descriptor.readlink()))
        except FileNotFoundError:
            continue
    return found


def test_no_secret_is_an_argument_or_in_a_file_that_others_can_read(installation, running):
    secrets = list(installation.secrets().values())
    for pid in pids(installation).values():
        arguments = Path(f"/proc/{pid}/cmdline").read_text()
        assert [secret for secret in secrets if secret in arguments] == []
    for path in installation.directory.rglob("*"):
        if not path.is_file():
            continue
        holds = any(secret.encode() in path.read_bytes() for secret in secrets)
        assert not holds or stat.S_IMODE(path.stat().st_mode) == 0o600, path
        assert not holds or path == installation.secrets_file, path


def test_flower_asks_for_a_login_and_changes_nothing(installation, running):
    password = installation.secrets()["STRONGROOM_FLOWER_PASSWORD"]
    with httpx.Client(base_url=running.flower, trust_env=False, timeout=30) as stranger:
        assert {stranger.get(path).status_code for path in ("/", "/tasks", "/broker", "/api/workers")} == {401}
        stranger.auth = ("strongroom", "wrong password")
        assert stranger.get("/").status_code == 401
        stranger.auth = ("strongroom", password)
        assert stranger.get("/").status_code == 200
        for path in ("/api/worker/shutdown/control@x", "/api/task/async-apply/jobs.sweep", "/api/task/revoke/x"):
            assert stranger.post(path).status_code == 403


def test_what_others_may_read_of_flower_names_no_job(client, running):
    job = client.post("/v1/backups", json={"source": "website"}).json()
    eventually(lambda: client.get(f"/v1/jobs/{job['id']}").json()["state"] == "succeeded")

    shown = httpx.get(f"{running.flower}/metrics", trust_env=False).text

    assert job["id"] not in shown
    assert "website" not in shown


def test_a_process_that_is_killed_comes_back(client, installation, running):
    before = pids(installation)["api"]

    os.kill(before, signal.SIGKILL)

    eventually(lambda: pids(installation).get("api", before) != before)
    eventually(lambda: running.waiting_for(60) == [])


def test_a_process_that_hangs_is_started_again(installation, running):
    """Frozen, it is alive to supervisor, ignores every signal but one, and gives no sign of life."""
    worker = pids(installation)["worker-control"]
    catalog = Catalog(open_engine(installation.settings(os.environ).catalog_url.get_secret_value()))
    watchdog = Watchdog(Supervisor(installation), catalog, socket.gethostname(), patience=15)
    os.kill(worker, signal.SIGSTOP)

    eventually(lambda: watchdog.look() or pids(installation).get("worker-control", worker) != worker)

    eventually(lambda: running.waiting_for(60) == [])
    catalog.close()


def test_a_port_that_is_taken_is_named_with_its_section(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.create_server(("127.0.0.1", 0)) as other:
        other.close()
        installation = Installation(tmp_path / "site")
        installation.make_directories()
        installation.config.write_text(CONFIG.format(api=taken.getsockname()[1], flower=1, metrics=2))

        with pytest.raises(PortTakenError) as refused:
            up(installation, os.environ, clock, said.append)

    assert "[api]" in refused.value.next_step


def runs(pid: int) -> bool:
    """Say whether a process is there; one that only waits for its parent to look is not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in {"Z", "X"}
    except (FileNotFoundError, ProcessLookupError):
        return False


def test_down_leaves_nothing_running(installation, running):
    left = pids(installation)
    supervisor = int((installation.run / "supervisord.pid").read_text())

    assert down(installation, clock)

    assert [name for name, pid in left.items() if runs(pid)] == []
    eventually(lambda: not runs(supervisor))
    assert not down(installation, clock)
    with pytest.raises(NotRunningError):
        states(installation)


def test_what_lost_its_supervisor_is_found_and_ended(installation, running):
    orphans = list(pids(installation).values())
    os.kill(int((installation.run / "supervisord.pid").read_text()), signal.SIGKILL)
    eventually(lambda: not Supervisor(installation).is_running())
    assert all(Path(f"/proc/{pid}").exists() for pid in orphans)

    assert down(installation, clock)

    eventually(lambda: not any(Path(f"/proc/{pid}").exists() for pid in orphans))
    assert not down(installation, clock)


def test_a_key_file_that_is_gone_is_said_before_anything_starts(tmp_path):
    installation = Installation(tmp_path / "site")
    installation.make_directories()
    installation.config.write_text(CONFIG.format(api=1, flower=2, metrics=3))
    runtime = build_runtime(installation.settings(os.environ))
    set_up(runtime, Screen(quiet=True))
    runtime.close()
    installation.settings(os.environ).keyring.path.unlink()

    with pytest.raises(SetUpError, match="key file"):
        up(installation, os.environ, clock, said.append)

    assert not Supervisor(installation).is_running()
