"""Faults at planned calls."""

import multiprocessing
import signal
import threading
from collections.abc import Callable

import pytest

from strongroom.storage.errors import ObjectExistsError, StoreFullError, StoreUnavailableError
from strongroom.storage.store import Store
from strongroom.testing.stores import (
    Fault,
    FaultyStore,
    MemoryStore,
    Moment,
    Operation,
    hang_until,
    no_room,
    server_error,
    sudden_death,
)
from tests.unit.storage.store_contract import StoreContract, create, digest, put


@pytest.fixture
def sound() -> MemoryStore:
    return MemoryStore("home")


class TestWithoutFaults(StoreContract):
    @pytest.fixture
    def store(self, sound: MemoryStore) -> Store:
        return FaultyStore(sound, [])


def test_only_the_planned_calls_fail(sound: MemoryStore) -> None:
    store = FaultyStore(sound, [Fault(Operation.PUT, server_error, nth=2, times=2)])
    put(store, "1")
    for key in ("2", "3"):
        with pytest.raises(StoreUnavailableError):
            put(store, key)
    put(store, "4")
    assert sorted(sound.objects) == ["1", "4"]


def test_only_keys_with_the_prefix_count(sound: MemoryStore) -> None:
    store = FaultyStore(sound, [Fault(Operation.CREATE, no_room, key_prefix="c/")])
    create(store, "m/manifest")
    with pytest.raises(StoreFullError):
        create(store, "c/commit")
    assert sorted(sound.objects) == ["m/manifest"]


def test_an_answer_can_be_lost_after_the_effect(sound: MemoryStore) -> None:
    store = FaultyStore(sound, [Fault(Operation.CREATE, server_error, moment=Moment.AFTER)])
    with pytest.raises(StoreUnavailableError):
        create(store, "c/commit")
    with pytest.raises(ObjectExistsError):
        create(store, "c/commit")


@pytest.mark.parametrize("operation", list(Operation))
def test_every_operation_can_fail(sound: MemoryStore, operation: Operation) -> None:
    put(sound, "key")
    store = FaultyStore(sound, [Fault(operation, server_error)])
    calls: dict[Operation, Callable[[], object]] = {
        Operation.PUT: lambda: put(store, "key"),
        Operation.CREATE: lambda: create(store, "new"),
        Operation.GET: lambda: store.get("key"),
        Operation.GET_RANGE: lambda: store.get_range("key", 0, 1),
        Operation.FIND: lambda: store.find("key"),
        Operation.LIST: lambda: list(store.list("")),
        Operation.VERSIONS: lambda: list(store.versions("")),
        Operation.DELETE: lambda: store.delete("key"),
        Operation.CONFIRM: lambda: store.confirm("key", size=4, sha256=digest(b"body")),
        Operation.ATTEST: lambda: store.attest("key", size=4, sha256=digest(b"body")),
        Operation.PROBE: store.probe,
    }
    with pytest.raises(StoreUnavailableError):
        calls[operation]()
    assert sorted(sound.objects) == ["key"]


def test_a_call_can_hang_until_it_is_released(sound: MemoryStore) -> None:
    released = threading.Event()
    store = FaultyStore(sound, [Fault(Operation.GET, hang_until(released))])
    ended = threading.Event()

    def read() -> None:
        with pytest.raises(StoreUnavailableError):
            store.get("key")
        ended.set()

    thread = threading.Thread(target=read)
    thread.start()
    assert not ended.is_set()
    released.set()
    thread.join()
    assert ended.is_set()


def _die_while_putting() -> None:
    put(FaultyStore(MemoryStore("home"), [Fault(Operation.PUT, sudden_death)]), "key")


def test_the_process_can_be_killed() -> None:
    process = multiprocessing.get_context("spawn").Process(target=_die_while_putting)
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
