"""The Redis that remembers messages of peers: the broker, or one of its own."""

from typing import Any, cast

from redis import Redis

from api.peer.errors import NoncesMissingError
from api.redis_clients import client_of_broker, client_of_url
from strongroom.settings import BrokerSettings, SkipSettings

SECONDS = 2.0
"""A Redis that hangs is noticed within these; the peer sends the same again."""

_OPTIONS: dict[str, Any] = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS, "health_check_interval": 10}


def open_redis(skip: SkipSettings, broker: BrokerSettings) -> Redis:
    """Return a client that connects on first use; raises NoncesMissingError."""
    if skip.nonces_url is not None:
        return cast(Redis, client_of_url(Redis, skip.nonces_url.get_secret_value(), _OPTIONS))
    if broker.is_rabbitmq:
        raise NoncesMissingError(
            "The broker is RabbitMQ, which cannot remember messages of peers.",
            next_step="Set `nonces_url_env` in [skip] to a variable with the address of a Redis or Valkey.",
        )
    return cast(Redis, client_of_broker(Redis, broker, _OPTIONS))
