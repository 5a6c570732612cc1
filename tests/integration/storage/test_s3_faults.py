"""S3 servers that fail, lie, hang, cut and refuse."""

import base64
from collections.abc import Callable
from dataclasses import replace

import pytest

from strongroom.clock import SystemClock
from strongroom.errors import StrongroomError
from strongroom.storage.errors import (
    ObjectExistsError,
    StoreDeniedError,
    StoreFullError,
    StoreUnavailableError,
    UnsafeStoreError,
)
from strongroom.storage.s3 import S3Store
from strongroom.storage.s3_client import S3Access, S3Patience, s3_client
from strongroom.storage.store import Store
from tests.integration.storage.canned_server import Answering, Asked, Canned, canned_server
from tests.integration.storage.conftest import QUICK, access_to
from tests.services.proxy import Direction, TcpProxy
from tests.services.s3 import REGION_NAMES, S3Region
from tests.unit.storage.store_contract import create, digest, put

HASTY = S3Patience(connect_seconds=1, silence_seconds=0.2, attempts=1)

MakeProxy = Callable[[str], TcpProxy]


@pytest.fixture
def region(moto_regions: dict[str, S3Region]) -> S3Region:
    return moto_regions[REGION_NAMES[0]]


def _store_at(url: str, bucket: str = "bucket") -> S3Store:
    return S3Store("home", s3_client(S3Access(url, None, "id", "secret"), QUICK), bucket)


def _store_behind(region: S3Region, proxy: TcpProxy) -> S3Store:
    access = replace(access_to(region), endpoint=proxy.url)
    return S3Store("home", s3_client(access, QUICK), region.new_bucket())


EVERY_CALL: list[Callable[[Store], object]] = [
    lambda store: put(store, "key"),
    lambda store: create(store, "key"),
    lambda store: store.get("key"),
    lambda store: store.get_range("key", 0, 1),
    lambda store: store.find("key"),
    lambda store: list(store.list("")),
    lambda store: store.delete("key"),
    lambda store: store.confirm("key", size=0, sha256=digest(b"")),
]


def _xml(code: str, status: int) -> Answering:
    body = f"<?xml version='1.0'?><Error><Code>{code}</Code><Message>no</Message></Error>".encode()
    return lambda asked: Canned(status, b"" if asked.method == "HEAD" else body, {"Content-Type": "application/xml"})


@pytest.mark.parametrize("call", EVERY_CALL)
def test_a_server_that_answers_500_is_unavailable(call: Callable[[Store], object]) -> None:
    with canned_server(_xml("InternalError", 500)) as server, pytest.raises(StoreUnavailableError) as caught:
        call(_store_at(server.url))
    assert caught.value.retryable
    assert len(server.asked) == QUICK.attempts


@pytest.mark.parametrize("call", EVERY_CALL)
def test_a_missing_bucket_looks_down_and_never_empty(region: S3Region, call: Callable[[Store], object]) -> None:
    store = S3Store("home", s3_client(access_to(region), QUICK), "no-such-bucket-anywhere")
    with pytest.raises(StoreUnavailableError, match="does not exist"):
        call(store)


@pytest.mark.parametrize("call", EVERY_CALL)
def test_refused_credentials_are_denied(call: Callable[[Store], object]) -> None:
    with canned_server(_xml("InvalidAccessKeyId", 403)) as server, pytest.raises(StoreDeniedError, match="access key"):
        call(_store_at(server.url))


def test_wrong_credentials_are_denied_by_a_real_server(rgw_regions: dict[str, S3Region]) -> None:
    region = rgw_regions[REGION_NAMES[0]]
    access = replace(access_to(region), secret_key="not the secret")
    store = S3Store("home", s3_client(access, QUICK), region.new_bucket())
    for call in EVERY_CALL:
        with pytest.raises(StoreDeniedError):
            call(store)


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        ("QuotaExceeded", 403, StoreFullError),
        ("XMinioStorageFull", 507, StoreFullError),
        ("", 507, StoreFullError),
        ("SlowDown", 503, StoreUnavailableError),
        ("TooManyRequests", 429, StoreUnavailableError),
        ("BadDigest", 400, StoreUnavailableError),
        ("AuthorizationHeaderMalformed", 400, StoreDeniedError),
        ("NotImplemented", 501, UnsafeStoreError),
    ],
)
def test_every_refusal_has_its_own_error(code: str, status: int, expected: type[StrongroomError]) -> None:
    with canned_server(_xml(code, status)) as server, pytest.raises(expected):
        create(_store_at(server.url), "key")


def test_an_answer_that_is_not_s3_is_unavailable() -> None:
    with canned_server(lambda _: Canned(502, b"<html>Bad Gateway</html>")) as server:
        with pytest.raises(StoreUnavailableError):
            _store_at(server.url).get("key")


def test_a_server_that_is_not_there_is_unavailable() -> None:
    with canned_server(lambda _: Canned(200)) as server:
        url = server.url
    with pytest.raises(StoreUnavailableError, match="did not answer"):
        _store_at(url).get("key")


def test_a_server_that_hangs_is_given_up(region: S3Region, tcp_proxy: MakeProxy) -> None:
    proxy = tcp_proxy(region.endpoint)
    store = _store_behind(region, proxy)
    put(store, "key")
    proxy.black_hole()
    hasty = S3Store("home", s3_client(S3Access(proxy.url, None, "id", "secret"), HASTY), "bucket")
    for call in EVERY_CALL:
        with pytest.raises(StoreUnavailableError):
            call(hasty)
    proxy.forward()
    assert store.get("key") == b"body"


@pytest.mark.parametrize("with_reset", [True, False])
def test_a_body_that_is_cut_is_no_object(region: S3Region, tcp_proxy: MakeProxy, with_reset: bool) -> None:
    proxy = tcp_proxy(region.endpoint)
    store = _store_behind(region, proxy)
    put(store, "key", bytes(1 << 20))
    proxy.cut_after(200_000, with_reset=with_reset)
    with pytest.raises(StoreUnavailableError):
        store.get("key")
    with pytest.raises(StoreUnavailableError):
        store.get_range("key", 100, 500_000)


def test_a_body_shorter_than_announced_is_no_object() -> None:
    with canned_server(lambda _: Canned(200, b"half", content_length=8)) as server:
        with pytest.raises(StoreUnavailableError):
            _store_at(server.url).get("key")


def test_an_upload_that_is_cut_leaves_nothing(region: S3Region, tcp_proxy: MakeProxy) -> None:
    proxy = tcp_proxy(region.endpoint)
    store = _store_behind(region, proxy)
    proxy.cut_after(200_000, direction=Direction.REQUESTS)
    with pytest.raises(StoreUnavailableError):
        put(store, "key", bytes(1 << 20))
    proxy.forward()
    assert store.find("key") is None


class LostAnswer:
    """Creates the object at the first request and says 500; says 412 to the retry, and holds what it is told to."""

    def __init__(self, held: bytes) -> None:
        self.held = held
        self._puts = 0

    def __call__(self, asked: Asked) -> Canned:
        if asked.method == "PUT":
            self._puts += 1
            return Canned(500 if self._puts == 1 else 412)
        checksum = base64.b64encode(digest(self.held)).decode("ascii")
        return Canned(200, headers={"x-amz-checksum-sha256": checksum}, content_length=len(self.held))


def test_a_creation_whose_answer_was_lost_is_known_again() -> None:
    with canned_server(LostAnswer(held=b"commit")) as server:
        create(_store_at(server.url), "c/source/backup", b"commit")


def test_a_creation_that_lost_to_another_while_it_was_retried_is_refused() -> None:
    with canned_server(LostAnswer(held=b"abort!")) as server, pytest.raises(ObjectExistsError):
        create(_store_at(server.url), "c/source/backup", b"commit")


class ConflictsThenRoom:
    """Says 409, as S3 does while another creation is under way, before it creates."""

    def __init__(self, conflicts: int) -> None:
        self._conflicts = conflicts

    def __call__(self, _: Asked) -> Canned:
        self._conflicts -= 1
        return Canned(409 if self._conflicts >= 0 else 200)


class PatientClock(SystemClock):
    """Notes the pauses it is asked for instead of waiting."""

    def __init__(self) -> None:
        self.pauses: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)


def _patient_store(url: str, clock: PatientClock) -> S3Store:
    client = s3_client(S3Access(url, None, "id", "secret"), QUICK)
    return S3Store("home", client, "bucket", clock=clock, random=bytes)


def test_a_creation_waits_for_the_one_under_way() -> None:
    clock = PatientClock()
    with canned_server(ConflictsThenRoom(3)) as server:
        create(_patient_store(server.url, clock), "key")
    assert clock.pauses == [0.05, 0.1, 0.2]


def test_a_creation_does_not_wait_for_ever() -> None:
    with canned_server(ConflictsThenRoom(100)) as server, pytest.raises(StoreUnavailableError):
        create(_patient_store(server.url, PatientClock()), "key")
    assert len(server.asked) == 6


def test_a_request_without_any_credentials_is_denied(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(variable, raising=False)
    for variable in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(variable, "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    with canned_server(lambda _: Canned(200)) as server:
        store = S3Store("home", s3_client(S3Access(server.url), QUICK), "bucket")
        with pytest.raises(StoreDeniedError, match="NoCredentialsError"):
            store.get("key")
    assert server.asked == []


def test_a_bucket_name_that_cannot_be_is_refused_before_anything_is_sent() -> None:
    with canned_server(lambda _: Canned(200)) as server:
        with pytest.raises(StoreDeniedError, match="bucket name"):
            _store_at(server.url, "not a bucket/name").get("key")
    assert server.asked == []


def test_a_dead_server_costs_less_than_a_minute() -> None:
    patience = S3Patience()
    longest_backoff = sum(2**retry for retry in range(patience.attempts - 1))
    assert patience.attempts * patience.silence_seconds + longest_backoff < 60
