"""`strongroom doctor`: what it finds in an installation, and that it never shows a secret."""

import json
import socket
from pathlib import Path

import pytest

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from strongroom.jobs.processes import ProcessIdentity, ProcessKind, record_heartbeat
from tests.integration.cli.conftest import Run

HEALTHY, UNHEALTHY = 0, 4


def found(run: Run, *words: str) -> tuple[int, list[str]]:
    """Return the exit code and the codes of what was found."""
    code, out, _ = run("doctor", "--json", *words)
    return code, [finding["code"] for finding in json.loads(out)["findings"]]


@pytest.fixture(autouse=True)
def quiet_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take out what the environment of the tests says of debugging."""
    for name in ("DEBUG", "LOG_LEVEL", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "FLOWER_UNAUTHENTICATED_API"):
        monkeypatch.delenv(name, raising=False)


def test_a_new_installation_is_in_order(installed: Run):
    assert found(installed) == (HEALTHY, [])


@pytest.mark.parametrize("secret", ["changeme", "Strongroom", "password123"])
def test_a_secret_that_is_guessed_first_is_found_and_not_shown(installed: Run, monkeypatch, secret: str):
    monkeypatch.setenv("STRONGROOM_BROKER_URL", f"redis://:{secret}@127.0.0.1:6379/0")
    code, out, err = installed("doctor")

    assert code == UNHEALTHY
    assert "default_secret: The secret broker.url" in out
    assert secret not in out + err


def test_a_random_secret_is_not_found(installed: Run, monkeypatch):
    monkeypatch.setenv("STRONGROOM_BROKER_URL", "redis://:4b1f0c9d2e7a@10.1.2.3:6379/0")

    assert found(installed) == (HEALTHY, [])


def test_a_redis_on_the_network_needs_a_password(installed: Run, monkeypatch):
    monkeypatch.setenv("STRONGROOM_BROKER_URL", "redis://10.1.2.3:6379/0")
    monkeypatch.setenv("REDIS_HOST", "redis.example.org")
    assert found(installed) == (UNHEALTHY, ["redis_without_password", "redis_without_password"])

    monkeypatch.setenv("STRONGROOM_BROKER_URL", "redis://127.0.0.1:6379/0")
    monkeypatch.setenv("REDIS_HOST", "::1")
    assert found(installed) == (HEALTHY, [])


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o602])
@pytest.mark.parametrize("name", ["strongroom.keys", "strongroom.keys.copy", "data/catalog.db"])
def test_a_file_that_others_may_use_is_found(installed: Run, tmp_path: Path, name: str, mode: int):
    (tmp_path / name).chmod(mode)
    code, codes = found(installed)

    assert code == UNHEALTHY
    assert "open_file" in codes


@pytest.mark.parametrize(
    ("variable", "value"), [("DEBUG", "true"), ("PYTHONASYNCIODEBUG", "1"), ("LOG_LEVEL", "debug")]
)
def test_debugging_is_found(installed: Run, monkeypatch, variable: str, value: str):
    monkeypatch.setenv(variable, value)
    code, codes = found(installed)

    assert code == UNHEALTHY
    assert set(codes) == {"debug_on"}


def test_keys_that_cannot_be_opened_are_found(installed: Run, tmp_path: Path):
    (tmp_path / "strongroom.keys").rename(tmp_path / "elsewhere")

    assert found(installed) == (UNHEALTHY, ["keyring"] * 3)


def test_a_process_of_this_machine_that_lives_is_healthy(installed: Run, tmp_path: Path):
    here = socket.gethostname()
    catalog = Catalog(open_engine(f"sqlite:///{tmp_path / 'data/catalog.db'}"))
    for host, kind in ((here, ProcessKind.WORKER), ("elsewhere", ProcessKind.SCHEDULER)):
        identity = ProcessIdentity(f"{kind}@{host}", kind, host, 1, SystemClock().now())
        with catalog.begin() as session:
            record_heartbeat(session, identity)
    catalog.close()

    assert found(installed, "--alive", "worker") == (HEALTHY, [])
    assert found(installed, "--alive", "scheduler") == (UNHEALTHY, ["silent"])


def test_options_that_do_not_go_together_are_refused(installed: Run):
    assert installed("doctor", "--queue", "backup")[0] == 2
    assert installed("doctor", "--worker", "--alive", "worker")[0] == 2
