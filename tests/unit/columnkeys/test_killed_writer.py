"""A writer that is killed at any of its steps leaves a ring that can be read, and nobody else can read it."""

import multiprocessing
import os
import signal
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import pytest

from strongroom.columnkeys.changes import (
    destroyed,
    disabled,
    first_ring,
    new_version,
    promoted,
    restored,
    with_pending,
)
from strongroom.columnkeys.copies import list_copies, open_copy_file, write_copy
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.keyring.recovery import RecoveryKekProvider
from strongroom.keyring.secret import SecretKey

NOW = datetime(2026, 1, 14, tzinfo=UTC)
CALLS = {"open", "os.rename", "os.remove", "fcntl.flock", "os.chmod"}


def rotated(ring: KeyRing) -> KeyRing:
    name = f"v{len(ring.versions) + 1}"
    return promoted(with_pending(ring, new_version(name, KeyState.PENDING, NOW, os.urandom)), name, NOW)


def retired(ring: KeyRing) -> KeyRing:
    return destroyed(disabled(ring, ["v1"], NOW), ["v1"], NOW)


def die_at(step: int) -> None:
    """Kill this process when it begins the given call to the system that may change a file."""
    seen = 0
    fsync = os.fsync

    def count() -> None:
        nonlocal seen
        seen += 1
        if seen == step:
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event in CALLS:
            count()

    def counted_fsync(descriptor: int) -> None:
        count()
        fsync(descriptor)

    os.fsync = counted_fsync
    sys.addaudithook(hook)


def run_and_die(work: Callable[[], object], step: int) -> bool:
    """Do something in a child that dies at a step; say whether it lived to the end."""
    child = os.fork()
    if child == 0:
        die_at(step)
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


@pytest.mark.parametrize("edit", [rotated, retired])
def test_a_change_that_is_killed_leaves_the_ring_before_or_after_it(tmp_path: Path, edit: object):
    steps = 0
    while True:
        steps += 1
        file = EnvCryptoFile(tmp_path / f"{steps}.env.crypto")
        file.create(first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom)), ())
        before = file.change(rotated)
        done = run_and_die(partial(file.change, edit), steps)
        after = file.load()

        assert after == before or after.fingerprint() != before.fingerprint()
        assert after.get_version("v2").key == before.versions["v2"].key
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())
        file.change(rotated)
        if done:
            break
    assert steps > 8


def test_a_first_file_that_is_killed_is_whole_or_not_there(tmp_path: Path):
    ring = first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom))
    for step in range(1, 40):
        file = EnvCryptoFile(tmp_path / f"{step}.env.crypto")
        done = run_and_die(partial(file.create, ring, ()), step)
        assert not file.exists() or file.load() == ring
        if done:
            break
    assert 4 < step < 39


def test_a_restore_that_is_killed_leaves_the_ring_before_or_after_it(tmp_path: Path):
    copy = first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom))
    for step in range(1, 40):
        file = EnvCryptoFile(tmp_path / f"{step}.env.crypto")
        file.create(copy, ())
        before = file.change(rotated)
        done = run_and_die(lambda file=file: file.restore(lambda ring: restored(ring, copy, NOW), ()), step)
        assert file.load().get_version("v2").key == before.versions["v2"].key
        if done:
            break
    assert file.load().active == "v1"
    assert 6 < step < 39


def test_a_copy_that_is_killed_opens_or_is_no_copy(tmp_path: Path):
    key = RecoveryKekProvider.of(SecretKey(os.urandom(32)))
    for step in range(1, 40):
        folder = tmp_path / str(step)
        folder.mkdir()
        file = EnvCryptoFile(folder / ".env.crypto")
        file.create(first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom)), ())
        done = run_and_die(partial(write_copy, file, [key], NOW), step)
        assert all(open_copy_file(copy.path, file, [key])[0] == file.load() for copy in list_copies(file))
        if done:
            break
    assert len(list_copies(file)) == 1
    assert 3 < step < 39


def test_writers_at_once_lose_nothing_of_each_other(tmp_path: Path):
    file = EnvCryptoFile(tmp_path / ".env.crypto")
    file.create(first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom)), ())
    writers = [multiprocessing.get_context("fork").Process(target=rotate_often, args=(file,)) for _ in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()

    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(file.load().versions) == 16


def rotate_often(file: EnvCryptoFile) -> None:
    for _ in range(5):
        file.change(rotated)
