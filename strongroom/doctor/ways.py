"""Ways in that should be closed: a Redis that asks for no password, plain HTTP, and debugging."""

from collections.abc import Iterator, Mapping
from ipaddress import ip_address
from urllib.parse import urlsplit

from strongroom.doctor.finding import Finding
from strongroom.settings import Settings

_REDIS = frozenset({"redis", "rediss", "sentinel"})
_DEBUGGING = ("DEBUG", "PYTHONASYNCIODEBUG", "PYTHONDEVMODE", "FLOWER_UNAUTHENTICATED_API")
_OFF = frozenset({"", "0", "false", "no", "off"})


def find_open_ways(settings: Settings, env: Mapping[str, str]) -> Iterator[Finding]:
    """Yield what lets others in, or tells them more than they should know."""
    yield from _redis_of_jobs(settings)
    yield from _redis_of_sessions(settings)
    for name in _DEBUGGING:
        if env.get(name, "").strip().lower() not in _OFF:
            yield Finding("debug_on", f"{name} is set: that is for developing.", f"Unset {name} and start again.")
    if env.get("FORWARDED_ALLOW_IPS", "").strip() == "*":
        yield Finding(
            "forwarded_by_anybody",
            "The API believes everybody about the address that a request comes from.",
            "Set FORWARDED_ALLOW_IPS to the addresses of its proxies.",
        )
    if settings.logs.level == "DEBUG":
        yield Finding("debug_on", "Everything is logged, down to single steps.", "Set LOG_LEVEL to INFO.")
    if settings.skip is not None and settings.skip.encryptor_face.plain_http:
        yield Finding(
            "plain_http",
            "The face for encryptors speaks HTTP without TLS.",
            "Take `plain_http` out of [skip.encryptor_face]; it is for tests.",
        )


def _redis_of_jobs(settings: Settings) -> Iterator[Finding]:
    for address in settings.broker.address.split(";"):
        parts = urlsplit(address)
        if parts.scheme in _REDIS and not parts.password and not is_loopback(parts.hostname):
            yield _without_password(f"The broker at {parts.hostname}", "Put the password into STRONGROOM_BROKER_URL.")


def _redis_of_sessions(settings: Settings) -> Iterator[Finding]:
    place = settings.session_redis
    if place.host is not None and place.password is None and not is_loopback(place.host):
        yield _without_password(f"The Redis of sessions at {place.host}", "Set REDIS_PASSWORD.")


def _without_password(what: str, then: str) -> Finding:
    return Finding(
        "redis_without_password",
        f"{what} is reached over the network and asks for no password.",
        f"Give it one (`requirepass`, or a user with a password). {then}",
    )


def is_loopback(host: str | None) -> bool:
    """Say whether a host is this machine itself; no host is."""
    if host in (None, "", "localhost"):
        return True
    try:
        return ip_address(host or "").is_loopback
    except ValueError:
        return False
