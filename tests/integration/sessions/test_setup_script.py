"""scripts/setup_redis.sh configures a real Redis, again and again, without ever showing the password."""

import shutil
import subprocess
from pathlib import Path

import pytest
import redis

from tests.services.ports import ReservedPort
from tests.services.processes import Server
from tests.services.requirement import service_is_missing

SCRIPT = Path(__file__).parents[3] / "scripts" / "setup_redis.sh"
DISTRIBUTION = "# as a distribution has it\nbind * -::*\nport {port}\nappendonly no\ndir {folder}\n"


@pytest.fixture
def port():
    reserved = ReservedPort()
    yield reserved.number
    reserved.release()


@pytest.fixture
def place(tmp_path: Path, port: int) -> Path:
    if shutil.which("redis-server") is None:
        service_is_missing("Redis is not installed: `tests/install-services`, or apt install redis-server.")
    (tmp_path / "redis.conf").write_text(DISTRIBUTION.format(port=port, folder=tmp_path))
    (tmp_path / "env").write_text("DEBUG=False\nREDIS_HOST=elsewhere\n")
    return tmp_path


def set_up(place: Path) -> str:
    words = [SCRIPT, "--config-dir", place, "--env-file", place / "env", "--no-install", "--no-start"]
    done = subprocess.run(words, capture_output=True, text=True, check=True)
    return done.stdout + done.stderr


def variables(place: Path) -> dict[str, str]:
    lines = (place / "env").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines)


def test_it_makes_a_password_and_says_where_it_is(place: Path, port: int):
    said = set_up(place)

    made = variables(place)
    password = made.pop("REDIS_PASSWORD")
    assert made == {"DEBUG": "False", "REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(port), "REDIS_DB": "0"}
    assert len(password) >= 32
    assert password not in said
    assert (place / "env").stat().st_mode & 0o777 == 0o600
    assert (place / "strongroom-redis.conf").stat().st_mode & 0o777 == 0o640


def test_a_second_time_changes_nothing(place: Path):
    set_up(place)
    before = {path.name: path.read_bytes() for path in place.iterdir()}
    set_up(place)

    assert {path.name: path.read_bytes() for path in place.iterdir()} == before


def test_the_server_listens_on_this_machine_only_and_wants_the_password(place: Path, port: int):
    set_up(place)
    server = Server("redis", ["redis-server", str(place / "redis.conf")], place)
    password = variables(place)["REDIS_PASSWORD"]
    with redis.Redis(port=port, password=password) as client, redis.Redis(port=port) as stranger:

        def answers() -> bool:
            try:
                return bool(client.ping())
            except redis.ConnectionError:
                return False

        server.start(answers)
        try:
            with pytest.raises(redis.AuthenticationError):
                stranger.ping()
            found = client.config_get("bind", "appendonly", "maxmemory-policy", "protected-mode")
        finally:
            server.kill()
    assert found == {
        "bind": "127.0.0.1 -::1",
        "appendonly": "yes",
        "maxmemory-policy": "noeviction",
        "protected-mode": "yes",
    }
