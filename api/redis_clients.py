"""Clients of a Redis named by an address of the broker's kind, for those parts of the API that speak to it."""

import ssl
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from redis import Redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.sentinel import Sentinel

from strongroom.settings import BrokerSettings, Settings
from worker.broker import redis_tls, sentinel_options

ClientKind = type[Redis] | type[AsyncRedis]


def client_of_settings(kind: ClientKind, settings: Settings, options: dict[str, Any]) -> Any:
    """Return a client of the Redis of REDIS_HOST, else of the broker, else of one on this machine."""
    place = settings.session_redis
    if place.host is None and not settings.broker.is_rabbitmq:
        return client_of_broker(kind, settings.broker, options)
    if settings.sessions.tls:
        options = options | {"ssl": True, "ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True}
        options["ssl_ca_certs"] = None if settings.sessions.ca_file is None else str(settings.sessions.ca_file)
    password = None if place.password is None else place.password.get_secret_value()
    return kind(host=place.host or "localhost", port=place.port, db=place.db, password=password, **options)


def client_of_broker(kind: ClientKind, broker: BrokerSettings, options: dict[str, Any]) -> Any:
    """Return a client of the broker, which is a Redis, that connects on first use."""
    if broker.is_sentinel:
        return _behind_sentinels(kind, broker, options)
    return client_of_url(kind, broker.address, options | (redis_tls(broker) if broker.is_encrypted else {}))


def client_of_url(kind: ClientKind, url: str, options: dict[str, Any]) -> Any:
    """Return a client of an address as Celery spells it, or as Redis does."""
    parts = urlsplit(url)
    if parts.scheme not in ("redis+socket", "unix"):
        return kind.from_url(url, **options)
    query = parse_qs(parts.query)
    database = (query.get("virtual_host") or query.get("db") or ["0"])[0]
    names: dict[str, Any] = {"username": unquote(parts.username or "") or None}
    names["password"] = unquote(parts.password or "") or None
    return kind(unix_socket_path=parts.path, db=int(database.strip("/") or 0), **names, **options)


def _behind_sentinels(kind: ClientKind, broker: BrokerSettings, options: dict[str, Any]) -> Any:
    parts = [urlsplit(address) for address in broker.address.split(";")]
    password = next((unquote(part.password) for part in parts if part.password), None)
    tls = {"ssl": True, **redis_tls(broker)} if broker.is_encrypted else {}
    sentinels: type[Sentinel] | type[AsyncSentinel] = Sentinel if kind is Redis else AsyncSentinel
    sentinel = sentinels(
        [(part.hostname or "", part.port or 26379) for part in parts], sentinel_kwargs=sentinel_options(broker)
    )
    database = next((int(part.path.strip("/")) for part in parts if part.path.strip("/")), 0)
    found = {"db": database, "password": password, **options, **tls}
    return sentinel.master_for(broker.master or "", **found)
