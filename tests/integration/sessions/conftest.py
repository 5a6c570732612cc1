"""One-time sessions on a real Valkey, with their epoch in a real catalog."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest
from pydantic import SecretStr

from api.sessions.redis_sessions import RedisSessionManager
from api.sessions.setting_up import PATIENCE, open_sessions
from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock, system_random
from strongroom.settings import SessionRedis, SessionSettings, Settings, load_settings
from tests.services.ports import LOOPBACK
from tests.services.valkey import Valkey

ResultT = TypeVar("ResultT")
LONG = 10.0
"""Seconds that Redis may take on a busy machine."""
CONFIG = '[regions.here]\npath = "here"\n'


@dataclass
class House:
    """What sessions are kept in; each manager is what one process of the API would have."""

    settings: Settings
    catalog: Catalog
    patience: float = LONG

    def hurry(self) -> None:
        """Wait for Redis no longer than the API does."""
        self.patience = PATIENCE

    def at(self, host: str, port: int, **changes: object) -> None:
        """Have sessions kept elsewhere, or by other rules."""
        redis = self.settings.session_redis.model_copy(update={"host": host, "port": port})
        rules = SessionSettings(**{**self.settings.sessions.model_dump(), **changes})
        self.settings = self.settings.model_copy(update={"session_redis": redis, "sessions": rules})

    def manager(self) -> RedisSessionManager:
        return open_sessions(self.settings, self.catalog, SystemClock(), system_random, self.patience)

    def run(self, use: Callable[[RedisSessionManager], Awaitable[ResultT]]) -> ResultT:
        """Do something with the sessions of a process that then ends."""

        async def whole() -> ResultT:
            manager = self.manager()
            try:
                return await use(manager)
            finally:
                await manager.close()

        return asyncio.run(whole())


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> float:
    """How long an API of the test waits for Redis; a test says by a parameter where it is to be in a hurry."""
    seconds: float = getattr(request, "param", LONG)
    monkeypatch.setattr("api.app.open_sessions", partial(open_sessions, patience=seconds))
    return seconds


@pytest.fixture
def house(valkey: Valkey, sqlite_catalog_url: str, tmp_path: Path) -> Iterator[House]:
    config = tmp_path / "strongroom.toml"
    config.write_text(CONFIG)
    settings = load_settings(config, {})
    redis = SessionRedis(host=LOOPBACK, port=valkey.port, password=SecretStr(valkey.password))
    catalog = Catalog(open_engine(sqlite_catalog_url))
    yield House(settings.model_copy(update={"session_redis": redis}), catalog)
    catalog.close()
