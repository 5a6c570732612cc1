"""Running a part of a test without root's exemption from permission bits."""

import ctypes
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

NOBODY = 65534
_PR_SET_DUMPABLE = 4


@contextmanager
def unprivileged() -> Iterator[None]:
    """Be the user nobody; changes nothing for a process that is not root anyway."""
    if os.geteuid() != 0:
        yield
        return
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(NOBODY)
    os.seteuid(NOBODY)
    _keep_own_proc()
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
        _keep_own_proc()


@contextmanager
def open_to_nobody() -> Iterator[Path]:
    """Give a directory that belongs to nobody, outside of pytest's private ones."""
    directory = Path(tempfile.mkdtemp(prefix="strongroom-test-"))
    try:
        if os.geteuid() == 0:
            os.chown(directory, NOBODY, NOBODY)
        yield directory
    finally:
        shutil.rmtree(directory)


def _keep_own_proc() -> None:
    # A process that changes its user without exec loses /proc/self/fd, which one that starts as that user has.
    ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 1, 0, 0, 0)
