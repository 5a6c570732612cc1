"""Messages of peers are remembered in a real Valkey, which may be away, restarted or emptied."""

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from pydantic import SecretStr

from api.peer.errors import NoncesAwayError, NoncesMissingError
from api.peer.nonces import RedisNonces
from api.peer.redis_client import open_redis
from strongroom.keysync.replay import Claim
from strongroom.settings import BrokerSettings, SkipSettings
from tests.services.sentinel import MASTER_NAME, SentinelCluster
from tests.services.valkey import Valkey

NOW = datetime(2026, 11, 21, 12, 0, 0, tzinfo=UTC)
WINDOW = timedelta(seconds=300)
SECOND = timedelta(seconds=1)
SKIP = SkipSettings(system_id="KP-B")


def nonces_at(broker: BrokerSettings, skip: SkipSettings = SKIP, began: datetime = NOW - 10 * SECOND) -> RedisNonces:
    nonces = RedisNonces(open_redis(skip, broker), skip.system_id, WINDOW)
    nonces.begin(began)
    return nonces


@pytest.fixture(params=["tcp", "socket", "own"])
def nonces(request: pytest.FixtureRequest, valkey: Valkey) -> RedisNonces:
    if request.param == "own":
        skip = SkipSettings(system_id="KP-B", nonces_url=SecretStr(valkey.url))
        return nonces_at(BrokerSettings(url=SecretStr("amqp://127.0.0.1")), skip)
    return nonces_at(BrokerSettings(url=SecretStr(valkey.url if request.param == "tcp" else valkey.socket_url)))


def test_a_message_is_fresh_once_for_each_sender(nonces: RedisNonces):
    said = [nonces.claim(sender, "1", NOW, NOW) for sender in ("KP-A", "KP-A", "KP-C")]

    assert said == [Claim.FRESH, Claim.SEEN, Claim.FRESH]


def test_of_many_at_once_one_is_fresh(nonces: RedisNonces):
    with ThreadPoolExecutor(8) as threads:
        said = list(threads.map(lambda _: nonces.claim("KP-A", "1", NOW, NOW), range(64)))

    assert said.count(Claim.FRESH) == 1


@pytest.fixture
def plain(valkey: Valkey) -> RedisNonces:
    return nonces_at(BrokerSettings(url=SecretStr(valkey.url)))


def test_a_message_is_remembered_for_longer_than_two_windows(plain: RedisNonces, valkey: Valkey):
    plain.claim("KP-A", "1", NOW, NOW)

    with valkey.client() as client:
        assert 655 <= client.ttl("strongroom:skip:KP-B:replay:KP-A:1") <= 660


def test_a_redis_that_is_away_is_an_error(plain: RedisNonces, valkey: Valkey):
    valkey.stop()

    with pytest.raises(NoncesAwayError):
        plain.claim("KP-A", "1", NOW, NOW)
    with pytest.raises(NoncesAwayError):
        plain.verify()


@pytest.mark.parametrize("loss", ["restart", "flush"])
def test_after_its_memory_was_lost_older_messages_are_refused(plain: RedisNonces, valkey: Valkey, loss: str):
    plain.claim("KP-A", "1", NOW, NOW)
    later = NOW + 20 * SECOND
    lose(valkey, loss)

    claims = (("2", later, later), ("1", NOW, later), ("3", later - SECOND, later), ("4", later, later + SECOND))
    said = [plain.claim("KP-A", *claim) for claim in claims]

    assert said == [Claim.FRESH, Claim.BEFORE_MEMORY, Claim.BEFORE_MEMORY, Claim.FRESH]


def lose(valkey: Valkey, loss: str) -> None:
    if loss == "flush":
        with valkey.client() as client:
            client.flushall()
        return
    valkey.kill()
    valkey.start()


def test_messages_before_the_memory_began_are_refused(plain: RedisNonces):
    assert plain.claim("KP-A", "1", NOW - 11 * SECOND, NOW) is Claim.BEFORE_MEMORY


def test_a_memory_that_began_under_a_clock_that_was_ahead_begins_now(valkey: Valkey):
    nonces = nonces_at(BrokerSettings(url=SecretStr(valkey.url)), began=NOW + timedelta(days=1))

    said = [nonces.claim("KP-A", "1", NOW, NOW), nonces.claim("KP-A", "1", NOW, NOW)]

    assert said == [Claim.FRESH, Claim.SEEN]


def test_sentinels_lead_to_the_master_over_tls(sentinel_cluster: SentinelCluster):
    files = sentinel_cluster.master.files
    broker = BrokerSettings(
        url=SecretStr(sentinel_cluster.url),
        master=MASTER_NAME,
        tls=True,
        sentinel_password=SecretStr(sentinel_cluster.sentinel.password),
        ca_file=files.ca,
        cert_file=files.cert,
        key_file=files.key,
    )

    nonces = nonces_at(broker)

    assert [nonces.claim("KP-A", "1", NOW, NOW) for _ in range(2)] == [Claim.FRESH, Claim.SEEN]


def test_rabbitmq_cannot_remember_messages():
    with pytest.raises(NoncesMissingError):
        open_redis(SKIP, BrokerSettings(url=SecretStr("amqp://127.0.0.1")))
