"""An S3 region is used no faster than its limits allow, and the bytes flow evenly."""

import hashlib
from collections.abc import Callable

import pytest

from strongroom.storage.s3 import S3Store
from strongroom.storage.throttle import TrafficLimits
from tests.services.s3 import REGION_NAMES, S3Region
from tests.unit.storage.store_contract import create, put
from tests.unit.storage.throttled import SleptClock

HOME = REGION_NAMES[0]
MIB = 1024 * 1024
BODY = bytes(range(256)) * 8192


@pytest.fixture
def limited(moto_regions: dict[str, S3Region], s3_store: Callable[..., S3Store]) -> Callable[..., S3Store]:
    def make(clock: SleptClock, **limits: float) -> S3Store:
        return s3_store(moto_regions[HOME], TrafficLimits(**limits).throttle(clock=clock))

    return make


@pytest.mark.parametrize("write", [put, create])
def test_an_upload_flows_evenly_at_the_rate(limited: Callable[..., S3Store], write: Callable[..., None]) -> None:
    clock = SleptClock()
    store = limited(clock, upload_mib_per_second=1)
    write(store, "key", BODY)
    assert clock.slept == pytest.approx(2, abs=0.3)
    assert max(clock.naps) < 0.5
    assert store.get("key") == BODY


def test_a_download_flows_evenly_at_the_rate(limited: Callable[..., S3Store]) -> None:
    clock = SleptClock()
    store = limited(clock, download_mib_per_second=1)
    put(store, "key", BODY)
    assert store.get("key") == BODY
    assert clock.slept == pytest.approx(2, abs=0.3)
    assert max(clock.naps) < 0.5
    assert store.get_range("key", 0, MIB) == BODY[:MIB]
    assert clock.slept == pytest.approx(3, abs=0.3)


def test_every_call_counts_as_a_request(limited: Callable[..., S3Store]) -> None:
    clock = SleptClock()
    store = limited(clock, requests_per_second=1)
    put(store, "key", BODY)
    store.confirm("key", size=len(BODY), sha256=hashlib.sha256(BODY).digest())
    store.find("key")
    list(store.list(""))
    store.delete("key")
    assert clock.slept == pytest.approx(5, abs=0.3)
