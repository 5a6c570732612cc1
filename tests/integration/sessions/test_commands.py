"""`strongroom sessions` counts sessions and mends their index, however it went wrong."""

import json
from pathlib import Path

import pytest

from api.sessions.keys import INDEX, RECORD, STATS, USED
from strongroom.cli.main import main
from strongroom.errors import ExitCode
from tests.integration.sessions.conftest import CONFIG, House
from tests.services.ports import ReservedPort
from tests.services.valkey import Valkey


@pytest.fixture
def command(house: House, valkey: Valkey, tmp_path: Path, monkeypatch, capsys):
    config = tmp_path / "strongroom.toml"
    config.write_text(CONFIG)
    monkeypatch.setenv("STRONGROOM_CATALOG_URL", f"sqlite:///{tmp_path}/catalog.db")
    monkeypatch.setenv("REDIS_HOST", "127.0.0.1")
    monkeypatch.setenv("REDIS_PORT", str(valkey.port))
    monkeypatch.setenv("REDIS_PASSWORD", valkey.password)

    def call(name: str) -> tuple[int, dict[str, object]]:
        code = main(["sessions", name, "--json", "--config", str(config)])
        out, err = capsys.readouterr()
        document: dict[str, object] = json.loads(out or err)
        return code, document

    return call


async def some(manager):
    made = [await manager.create() for _ in range(5)]
    await manager.consume(made[0])


def test_it_counts(house: House, command):
    house.run(some)

    code, counts = command("stats")

    assert code == ExitCode.OK
    assert counts == {
        "total": 5, "used": 1, "created_ever": 5, "used_ever": 1, "refused_ever": 0, "max_sessions": 1000
    }  # fmt: skip


def test_an_index_that_is_lost_is_made_anew(house: House, valkey: Valkey, command):
    house.run(some)
    with valkey.client() as client:
        before = client.zrange(INDEX, 0, -1, withscores=True), client.zrange(USED, 0, -1, withscores=True)
        client.delete(INDEX, USED)

    assert command("reindex")[1] == {"sessions": 5, "added": 5, "dropped": 0}

    with valkey.client() as client:
        assert (client.zrange(INDEX, 0, -1, withscores=True), client.zrange(USED, 0, -1, withscores=True)) == before


def test_what_has_no_record_any_more_is_taken_out(house: House, valkey: Valkey, command):
    house.run(some)
    with valkey.client() as client:
        for record in list(client.scan_iter(f"{RECORD}*"))[:2]:
            client.delete(record)
    assert command("stats")[1]["total"] == 5

    assert command("reindex")[1] == {"sessions": 3, "added": 0, "dropped": 2}
    assert command("stats")[1]["total"] == 3
    with valkey.client() as client:
        assert client.hget(STATS, "total_created") == b"5"


def test_without_redis_it_says_so(valkey: Valkey, command):
    valkey.kill()

    code, error = command("reindex")

    assert code == ExitCode.DEPENDENCY_DOWN
    assert error["code"] == "api.sessions_away"


def test_where_no_redis_answers_it_is_said_where_it_was_looked_for(house: House, command, monkeypatch):
    port = ReservedPort()
    monkeypatch.setenv("REDIS_PORT", str(port.number))

    code, document = command("stats")

    assert code == ExitCode.DEPENDENCY_DOWN
    assert "REDIS_HOST" in str(document["next_step"])
    port.release()
