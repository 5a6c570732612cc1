"""A region in a directory that several processes use, and some die in."""

import hashlib
import multiprocessing
import os
import signal
from itertools import count
from multiprocessing.synchronize import Barrier
from pathlib import Path

from strongroom.storage.errors import ObjectExistsError
from strongroom.storage.local import INCOMING, LocalStore

SPAWN = multiprocessing.get_context("spawn")
PACK = 1 << 20


def _body(number: int) -> bytes:
    return number.to_bytes(8, "big") * (PACK // 8)


def _put(store: LocalStore, number: int) -> None:
    store.put(f"p/{number % 4}/{number}", _body(number), sha256=hashlib.sha256(_body(number)).digest())


def _put_for_ever(root: Path) -> None:
    store = LocalStore("home", root)
    for number in count():
        _put(store, number)


def _create_once(root: Path, barrier: Barrier, number: int) -> None:
    store = LocalStore("home", root)
    barrier.wait()
    try:
        store.create("c/commit", _body(number), sha256=hashlib.sha256(_body(number)).digest())
    except ObjectExistsError:
        return
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_writer_killed_at_any_moment_leaves_whole_objects_only(tmp_path: Path) -> None:
    store = LocalStore("home", tmp_path)
    store.prepare()
    for _ in range(3):
        writer = SPAWN.Process(target=_put_for_ever, args=(tmp_path,))
        writer.start()
        # The last object of interest is there, so the writer is somewhere in a later one.
        while store.find("p/0/8") is None:
            writer.join(0.01)
        writer.kill()
        writer.join()
        for found in store.list("p/"):
            assert store.get(found.key) == _body(int(found.key.rpartition("/")[2]))
            store.delete(found.key)


def test_the_next_writer_sweeps_what_a_killed_one_left(tmp_path: Path) -> None:
    store = LocalStore("home", tmp_path)
    store.prepare()
    (tmp_path / INCOMING).mkdir()
    (tmp_path / INCOMING / "of-a-dead-writer").write_bytes(bytes(PACK))
    _put(store, 0)
    assert list((tmp_path / INCOMING).iterdir()) == []


def test_of_several_processes_one_creates_even_if_it_dies_at_once(tmp_path: Path) -> None:
    store = LocalStore("home", tmp_path)
    store.prepare()
    barrier = SPAWN.Barrier(4)
    racers = [SPAWN.Process(target=_create_once, args=(tmp_path, barrier, number)) for number in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    outcomes = [racer.exitcode for racer in racers]
    assert sorted(code or 0 for code in outcomes) == [-signal.SIGKILL, 0, 0, 0]
    assert store.get("c/commit") == _body(outcomes.index(-signal.SIGKILL))
