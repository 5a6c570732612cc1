"""Failures of an address are counted in a real Redis; when that is away or hangs, nobody is let in, and soon."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis import Redis

from api.auth.addresses import RedisAddressLimiter, open_limiter
from strongroom.accounts.errors import AddressLimiterAwayError, TooManyAttemptsError
from strongroom.settings import SessionRedis
from tests.services.operators import ADDRESS, OpenOperators
from tests.services.ports import LOOPBACK
from tests.services.proxy import TcpProxy
from tests.services.valkey import Valkey

PATIENT = {"socket_timeout": 10, "socket_connect_timeout": 10}


@pytest.fixture
def client(valkey: Valkey) -> Redis:
    return Redis(host=LOOPBACK, port=valkey.port, password=valkey.password, **PATIENT)


def take(limiter: RedisAddressLimiter, address: str = ADDRESS) -> bool:
    try:
        limiter.take(address)
    except TooManyAttemptsError:
        return False
    return True


def test_ten_failures_in_five_minutes_are_enough_however_many_ask_at_once(client: Redis) -> None:
    limiter = RedisAddressLimiter(client)
    with ThreadPoolExecutor(8) as pool:
        assert Counter(pool.map(lambda _: take(limiter), range(100))) == {True: 10, False: 90}
    assert take(limiter, "192.0.2.8")
    lives = sorted(client.ttl(key) for key in client.scan_iter("strongroom:login:*"))
    assert all(0 < seconds <= 3600 for seconds in lives)


def test_fifty_failures_in_an_hour_are_enough(client: Redis) -> None:
    limiter = RedisAddressLimiter(client)
    taken = 0
    for _ in range(6):
        taken += sum(take(limiter) for _ in range(10))
        for key in client.scan_iter("strongroom:login:*:300"):
            client.delete(key)

    assert taken == 50
    with pytest.raises(TooManyAttemptsError) as refused:
        limiter.take(ADDRESS)
    assert 0 < (refused.value.retry_after or 0) <= 3600


def test_what_is_given_back_does_not_count(client: Redis) -> None:
    limiter = RedisAddressLimiter(client)
    for _ in range(30):
        assert take(limiter)
        limiter.give_back(ADDRESS)


def test_a_network_of_ipv6_counts_as_one_address(client: Redis) -> None:
    limiter = RedisAddressLimiter(client)
    taken = [take(limiter, f"2001:db8::{number:x}") for number in range(1, 12)]

    assert taken == [True] * 10 + [False]
    assert take(limiter, "2001:db8:0:1::1")
    assert take(limiter, "::ffff:192.0.2.9")
    assert take(limiter, "no address")


def test_no_address_is_in_redis_in_clear(client: Redis) -> None:
    take(RedisAddressLimiter(client))

    assert not any(ADDRESS.encode() in key for key in client.scan_iter("*"))


def test_without_redis_nobody_is_let_in(
    valkey: Valkey,
    tcp_proxy: Callable[[str], TcpProxy],
    open_house: OpenOperators,
    sqlite_catalog_url: str,
) -> None:
    settings = open_house(sqlite_catalog_url).services.settings
    proxy = tcp_proxy(f"redis://{LOOPBACK}:{valkey.port}")

    for fault in (proxy.black_hole, proxy.refuse):
        place = SessionRedis(host=LOOPBACK, port=proxy.port)
        limiter = open_limiter(settings.model_copy(update={"session_redis": place}))
        fault()
        with pytest.raises(AddressLimiterAwayError):
            limiter.take(ADDRESS)
        limiter.give_back(ADDRESS)
