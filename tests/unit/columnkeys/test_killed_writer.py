"""A writer that is killed at any of its steps leaves a ring that can be read, and nobody else can read it."""

import os
import signal
import stat
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.columnkeys.changes import destroyed, disabled, first_ring, new_version, promoted, with_pending
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.ring import KeyRing, KeyState

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


def run_and_die(file: EnvCryptoFile, edit: object, step: int) -> bool:
    """Change the file in a child that dies at a step; say whether it lived to the end."""
    child = os.fork()
    if child == 0:
        die_at(step)
        file.change(edit)
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
        done = run_and_die(file, edit, steps)
        after = file.load()

        assert after == before or after.fingerprint() != before.fingerprint()
        assert after.get_version("v2").key == before.versions["v2"].key
        assert stat.S_IMODE(file.path.stat().st_mode) == 0o600
        assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in tmp_path.iterdir())
        file.change(rotated)
        if done:
            break
    assert steps > 8
