"""What the application needs for one-time sessions, put together from settings."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress

from fastapi import FastAPI

from api.sessions.breaker import Breaker
from api.sessions.epochs import epochs_in
from api.sessions.errors import SessionsAwayError
from api.sessions.opening import open_client
from api.sessions.redis_sessions import RedisSessionManager, SessionRules
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes
from strongroom.settings import Settings

PATIENCE = 0.25
"""Seconds within which Redis answers, or counts as away."""
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]


def open_sessions(
    settings: Settings, catalog: Catalog, clock: Clock, random: RandomBytes, patience: float = PATIENCE
) -> RedisSessionManager:
    """Return the sessions of an installation; connects to nothing yet."""
    own = settings.sessions
    rules = SessionRules(own.max_sessions, own.minutes, settings.session_redis.id_format, patience)
    client = open_client(settings, epochs_in(catalog, random).greet, patience)
    return RedisSessionManager(client, rules, random, Breaker(clock))


def closing(sessions: RedisSessionManager, lifespan: Lifespan) -> Lifespan:
    """Return a lifespan that also connects sessions at its beginning, if it can, and closes them at its end."""

    @asynccontextmanager
    async def both(app: FastAPI) -> AsyncIterator[None]:
        async with lifespan(app):
            with suppress(SessionsAwayError):
                await sessions.verify()
            yield
            await sessions.close()

    return both
