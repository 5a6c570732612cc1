"""Keeps a long run of tests small: cycles are looked for when the process has grown, and hardly otherwise."""

import gc
import os
from pathlib import Path

import pytest

STEP_MIB = 200
_PAGE = os.sysconf("SC_PAGE_SIZE")
_STATM = Path("/proc/self/statm")


def resident_mib() -> int:
    """Return how much of memory this process takes, in MiB; 0 where the system does not say it as Linux does."""
    try:
        pages = int(_STATM.read_text(encoding="ascii").split()[1])
    except OSError:
        return 0
    return pages * _PAGE >> 20


class Collecting:
    """Looks for cycles after a test that has made the process larger by a step than it was after the last look."""

    def __init__(self) -> None:
        self._limit = STEP_MIB

    @pytest.hookimpl(trylast=True)
    def pytest_runtest_logfinish(self) -> None:
        """Clients of clouds and applications are large, and each is a cycle."""
        if resident_mib() > self._limit:
            gc.collect()
            self._limit = resident_mib() + STEP_MIB


def pytest_configure(config: pytest.Config) -> None:
    """Tests make and drop a great many objects and hardly a cycle; Python's default looks for one after every 700."""
    gc.set_threshold(50_000, 20, 50)
    config.pluginmanager.register(Collecting())
