"""The Redis that keeps one-time sessions: that of REDIS_HOST, else the broker, else one on this machine."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from redis.asyncio import Redis
from redis.asyncio.connection import AbstractConnection

from api.redis_clients import client_of_settings
from strongroom.settings import Settings

CONNECTIONS = 32

Greeting = Callable[[AbstractConnection], Awaitable[None]]


def open_client(settings: Settings, greet: Greeting, seconds: float) -> Redis:
    """Return a client that connects on first use, waits so long, never tries twice, and greets each new connection."""
    options: dict[str, Any] = {
        "socket_timeout": seconds,
        "socket_connect_timeout": seconds,
        # It retries by itself otherwise, and an answer that takes four seconds helps nobody.
        "retry": None,
        "max_connections": CONNECTIONS,
        "redis_connect_func": greet,
    }
    return cast(Redis, client_of_settings(Redis, settings, options))
