"""`strongroom doctor`: what it finds in an installation, and that it never shows a secret."""

import json
import socket
import uuid
from pathlib import Path

import pytest
from sqlalchemy import update

from strongroom.catalog.accounts import Account
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


def hinted(run: Run) -> tuple[int, list[str]]:
    """Return the exit code and the codes of the hints."""
    code, out, _ = run("doctor", "--json")
    return code, [hint["code"] for hint in json.loads(out)["hints"]]


def test_what_a_bad_night_would_need_is_a_hint_and_no_fault(installed: Run, tmp_path: Path, monkeypatch):
    monkeypatch.setenv("NIGHT_URL", "https://hooks.example.org/x")
    assert hinted(installed) == (HEALTHY, ["no_channel", "no_recovery_kit"])
    code, out, _ = installed("doctor")
    assert (code, out.splitlines()[0]) == (HEALTHY, "Nothing is wrong.")
    assert "hint: no_channel: " in out

    assert installed("recovery-kit", str(tmp_path / "kit.txt"), "--here")[0] == HEALTHY
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write('\n[channels.night]\nkind = "slack"\nurl_env = "NIGHT_URL"\n')
    assert hinted(installed) == (HEALTHY, [])


def test_fewer_than_three_regions_are_a_hint(installed: Run, tmp_path: Path):
    file = tmp_path / "strongroom.toml"
    file.write_text(file.read_text().replace('[regions.us-east-1]\npath = "regions/us-east-1"\n', ""))

    assert "few_regions" in hinted(installed)[1]


def test_an_admin_without_a_second_factor_is_a_hint_until_disabled(installed: Run, tmp_path: Path):
    catalog = Catalog(open_engine(f"sqlite:///{tmp_path / 'data/catalog.db'}"))
    now = SystemClock().now()
    for name, role in (("ana", "admin"), ("bea", "operator")):
        with catalog.begin() as session:
            session.add(Account(
                id=uuid.uuid4(), name=name, role=role, password_hash="-", created_at=now, password_changed_at=now
            ))  # fmt: skip
    out = installed("doctor")[1]
    assert "hint: admin_without_factor: The admin ana " in out
    assert "bea" not in out

    with catalog.begin() as session:
        session.execute(update(Account).values(disabled_at=now))
    catalog.close()
    assert "admin_without_factor" not in hinted(installed)[1]


def test_hints_need_no_key_and_no_tables(installed: Run, tmp_path: Path):
    (tmp_path / "strongroom.keys").rename(tmp_path / "elsewhere")

    assert hinted(installed) == (UNHEALTHY, ["no_channel"])
