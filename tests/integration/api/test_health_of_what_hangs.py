"""Health where a part takes connections and never says a word: told in time, and told to anybody without a host."""

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from celery import Celery

from api.app import create_app
from strongroom.runtime import Runtime, build_runtime
from strongroom.settings import load_settings
from strongroom.settings.broker import BrokerSettings
from tests.integration.api.conftest import LOGIN, operator
from worker.broker import broker_configuration
from worker.publisher import Publisher


@pytest.fixture
def catalog_url(sqlite_catalog_url: str) -> str:
    """What works here is one kind of catalog; what hangs is the other."""
    return sqlite_catalog_url


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give what works the time that it takes on a busy machine."""
    for module in ("api.checks", "api.health"):
        monkeypatch.setattr(f"{module}.SECONDS_A_PART", 3.0)


@pytest.fixture
def hole() -> Iterator[str]:
    """An address that takes connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        yield f"127.0.0.1:{listener.getsockname()[1]}"


def asked(runtime: Runtime, broker: str, *paths: str) -> list[httpx.Response]:
    """Ask an API of its own, as an operator, and as nobody, and return the answers to nobody."""
    celery = Celery("test", set_as_current=False)
    celery.conf.update(broker_configuration(BrokerSettings(url=broker)))
    app = create_app(runtime, lambda _: None, ask_broker=Publisher(celery).verify)
    app.state.gate.authenticate = operator

    async def ask() -> list[httpx.Response]:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api") as client:
            known = {"Authorization": f"Bearer {LOGIN}"}
            answers = [(await client.get(path), await client.get(path, headers=known)) for path in paths]
            assert [mine.status_code for _, mine in answers] == [theirs.status_code for theirs, _ in answers]
            return [theirs for theirs, _ in answers]

    return anyio.run(ask)


@pytest.mark.parametrize(
    ("hanging", "status", "whole"),
    [("catalog", 503, "fail"), ("redis", 200, "warn"), ("broker", 200, "warn")],
)
def test_what_hangs_is_given_half_a_second_and_named_and_nothing_else_is_told(
    hanging: str, status: int, whole: str, hole: str, runtime: Runtime, tmp_path: Path
):
    url = runtime.settings.catalog_url.get_secret_value()
    secrets = {"SHOP_PASSWORD": "canary-database-password", "STRONGROOM_CATALOG_URL": url}
    if hanging == "catalog":
        secrets["STRONGROOM_CATALOG_URL"] = f"postgresql://strongroom:canary-of-a-catalog@{hole}/strongroom"
    if hanging == "redis":
        secrets |= dict(zip(("REDIS_HOST", "REDIS_PORT"), hole.split(":"), strict=True))
    settings = load_settings(tmp_path / "strongroom.toml", secrets)
    broker = f"redis://:canary-of-a-broker@{hole if hanging == 'broker' else '127.0.0.1:9'}/0"
    holed = build_runtime(settings)

    ready, live = asked(holed, broker, "/health/ready", "/health/live")
    body: dict[str, Any] = ready.json()
    holed.close()

    assert (ready.status_code, body["status"]) == (status, whole)
    assert body["checks"][hanging] == {"status": "fail" if whole == "fail" else "warn"}
    assert {part["status"] for part in body["checks"].values()} <= {"pass", "warn", "fail"}
    assert body.keys() == {"status", "checks"}
    assert "canary" not in ready.text
    assert hole.split(":")[1] not in ready.text
    assert (live.status_code, live.json()) == (200, {"status": "pass"})


def test_a_redis_that_hangs_is_said_to_be_away_to_whoever_asks_for_it_alone(
    hole: str, runtime: Runtime, tmp_path: Path
):
    host, port = hole.split(":")
    url = runtime.settings.catalog_url.get_secret_value()
    secrets = {"SHOP_PASSWORD": "x" * 20, "STRONGROOM_CATALOG_URL": url}
    secrets |= {"REDIS_HOST": host, "REDIS_PORT": port}
    holed = build_runtime(load_settings(tmp_path / "strongroom.toml", secrets))

    (answer,) = asked(holed, "redis://127.0.0.1:9/0", "/auth/redis-health")
    holed.close()

    assert (answer.status_code, answer.json()["status"]) == (503, "unhealthy")
    assert port not in answer.text
