"""Limits of a region: how long callers wait, and that bytes flow evenly."""

import hashlib
import io
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.storage.local import LocalStore
from strongroom.storage.store import Store
from strongroom.storage.throttle import SLICE_BYTES, Meter, PacedBody, TrafficLimits, unlimited
from tests.unit.storage.store_contract import StoreContract, put
from tests.unit.storage.throttled import SleptClock, one_mib_a_second

MIB = 1024 * 1024


def limited_store(root: Path, clock: SleptClock, limits: TrafficLimits) -> LocalStore:
    store = LocalStore("home", root, throttle=limits.throttle(clock=clock))
    store.prepare()
    return store


def test_without_a_rate_nobody_waits() -> None:
    clock = SleptClock()
    meter = Meter(None, clock=clock)
    meter.pay(10**12)
    assert not meter.is_limited
    assert clock.naps == []


def test_units_pass_at_the_rate() -> None:
    clock = SleptClock()
    meter = Meter(100, clock=clock)
    for _ in range(1000):
        meter.pay(1)
    assert clock.slept == pytest.approx(10, abs=0.3)


def test_idle_time_is_not_saved_up() -> None:
    clock = SleptClock()
    meter = Meter(100, clock=clock)
    meter.pay(1)
    clock.slept += 3600
    before = clock.slept
    for _ in range(1000):
        meter.pay(1)
    assert clock.slept - before == pytest.approx(10, abs=0.3)


def test_a_rate_is_divided_among_those_who_use_it() -> None:
    clock = SleptClock()
    users = 4
    meter = Meter(100, clock=clock, share=lambda: users)
    for _ in range(100):
        meter.pay(1)
    assert clock.slept == pytest.approx(4, abs=0.3)


def test_a_body_is_handed_over_in_slices_as_they_may_pass() -> None:
    clock = SleptClock()
    body = bytes(range(256)) * 4096
    parts = [(clock.slept, bytes(part)) for part in Meter(MIB, clock=clock).slices(body)]
    assert b"".join(part for _, part in parts) == body
    assert max(len(part) for _, part in parts) == SLICE_BYTES
    assert parts[8][0] == pytest.approx(0.5, abs=0.3)


def test_an_unlimited_body_is_handed_over_whole() -> None:
    assert [len(part) for part in unlimited().upload.slices(bytes(5 * MIB))] == [5 * MIB]
    assert list(unlimited().upload.slices(b"")) == []


def test_a_paced_body_reads_like_a_file_and_pays_for_every_byte_again() -> None:
    clock = SleptClock()
    body = PacedBody(memoryview(b"0123456789"), Meter(10, clock=clock))
    assert (len(body), body.read(4), body.tell(), body.read(), body.read()) == (10, b"0123", 4, b"456789", b"")
    assert clock.slept == pytest.approx(1, abs=0.3)
    assert (body.seek(0), body.seek(-2, io.SEEK_END), body.read()) == (0, 8, b"89")
    assert clock.slept == pytest.approx(1.2, abs=0.3)


def _upload(store: Store) -> None:
    put(store, "key", bytes(4 * MIB))


def _get(store: Store) -> None:
    assert store.get("key") == bytes(4 * MIB)


def _get_range(store: Store) -> None:
    assert store.get_range("key", 0, 4 * MIB) == bytes(4 * MIB)


def _confirm(store: Store) -> None:
    store.confirm("key", size=4 * MIB, sha256=hashlib.sha256(bytes(4 * MIB)).digest())


@pytest.mark.parametrize(
    ("limits", "act"),
    [
        (TrafficLimits(upload_mib_per_second=2), _upload),
        (TrafficLimits(download_mib_per_second=2), _get),
        (TrafficLimits(download_mib_per_second=2), _get_range),
        (TrafficLimits(download_mib_per_second=2), _confirm),
    ],
)
def test_a_directory_is_used_no_faster_than_its_limits(
    tmp_path: Path, limits: TrafficLimits, act: Callable[[Store], None]
) -> None:
    clock = SleptClock()
    put(limited_store(tmp_path, clock, TrafficLimits()), "key", bytes(4 * MIB))
    act(limited_store(tmp_path, clock, limits))
    assert clock.slept == pytest.approx(2, abs=0.3)


def test_every_call_to_a_directory_counts_as_a_request(tmp_path: Path) -> None:
    clock = SleptClock()
    store = limited_store(tmp_path, clock, TrafficLimits(requests_per_second=1))
    put(store, "key")
    store.find("key")
    store.get("key")
    list(store.list(""))
    store.delete("key")
    assert clock.slept == pytest.approx(5, abs=0.3)


class TestLimitedLocalStore(StoreContract):
    @pytest.fixture
    def store(self, tmp_path: Path) -> Store:
        store = LocalStore("home", tmp_path / "region", throttle=one_mib_a_second(SleptClock()))
        store.prepare()
        return store
