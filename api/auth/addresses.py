"""Failed attempts of each address, counted in Redis for all processes of the API."""

import hashlib
import ipaddress
from contextlib import suppress

from redis import Redis
from redis.exceptions import RedisError

from api.redis_clients import client_of_settings
from strongroom.accounts.codes import too_many
from strongroom.accounts.errors import AddressLimiterAwayError
from strongroom.settings import Settings

SECONDS = 0.1
"""How long Redis may take to be connected to, and how long to answer: a login hears of it within 300 ms."""

_PREFIX = "strongroom:login:"
_IPV6_NETWORK = 64

_TAKE = """
local wait = 0
for i = 1, 2 do
  if tonumber(redis.call('GET', KEYS[i]) or '0') >= tonumber(ARGV[i]) then
    wait = math.max(wait, redis.call('TTL', KEYS[i]), 1)
  end
end
if wait > 0 then return wait end
for i = 1, 2 do
  if redis.call('INCR', KEYS[i]) == 1 then redis.call('EXPIRE', KEYS[i], ARGV[i + 2]) end
end
return 0
"""
"""Takes the keys of both windows, how many each lets pass, and their seconds; counts in both or in none.

Returns the seconds after which the windows that are full have ended, 0 where it was counted.
"""

_GIVE_BACK = """
for i = 1, 2 do
  if tonumber(redis.call('GET', KEYS[i]) or '0') > 0 then redis.call('DECR', KEYS[i]) end
end
"""

MOST = (10, 50)
WINDOWS = (300, 3600)


class RedisAddressLimiter:
    """Ten failures in 5 minutes, fifty in an hour; a network of IPv6 counts as one address. Safe between threads."""

    def __init__(self, client: Redis) -> None:
        self._take = client.register_script(_TAKE)
        self._give_back = client.register_script(_GIVE_BACK)

    def take(self, address: str) -> None:
        """Count an attempt; raises TooManyAttemptsError, and AddressLimiterAwayError."""
        try:
            wait = int(self._take(_keys(address), [*MOST, *WINDOWS]))
        except RedisError as error:
            raise AddressLimiterAwayError(
                f"The Redis that counts failed logins does not answer ({type(error).__name__}).",
                next_step="Start it; without it nobody is let in.",
            ) from None
        if wait:
            raise too_many(wait)

    def give_back(self, address: str) -> None:
        """Count it no longer, as it was right."""
        with suppress(RedisError):
            self._give_back(_keys(address), [])


def open_limiter(settings: Settings) -> RedisAddressLimiter:
    """Return what counts in the Redis of REDIS_HOST, else in the broker; connects on first use."""
    # It retries by itself otherwise, and a refusal that takes four seconds is an outage.
    options = {"socket_timeout": SECONDS, "socket_connect_timeout": SECONDS, "retry": None}
    return RedisAddressLimiter(client_of_settings(Redis, settings, options))


def _keys(address: str) -> list[str]:
    # Braces: both are in one slot of a cluster.
    name = hashlib.sha256(_network(address).encode()).hexdigest()[:32]
    return [f"{_PREFIX}{{{name}}}:{seconds}" for seconds in WINDOWS]


def _network(address: str) -> str:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.ip_network((found, _IPV6_NETWORK), strict=False))
    return str(found)
