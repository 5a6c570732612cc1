"""Running a command as a whole process and reading what the operating system counted for it."""

import os
import statistics
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


class BenchmarkError(Exception):
    """A measured command failed, so its figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Figures:
    """One run: wall and cpu seconds (user and system, of the process and what it waited for), peak memory in MiB."""

    wall: float
    cpu: float
    rss_mib: float


def run(command: Sequence[str | Path], *, env: Mapping[str, str], log: Path, cwd: Path | None = None) -> Figures:
    """Run a command to its end with its output in log; raises BenchmarkError when it does not exit with 0."""
    with log.open("ab") as output:
        start = time.monotonic()
        child = subprocess.Popen(
            [str(word) for word in command], env={**os.environ, **env}, stdout=output, stderr=output, cwd=cwd
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.monotonic() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        raise BenchmarkError(f"{command[0]} exited with {child.returncode}; its output is in {log}")
    return Figures(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024)


def median(runs: Sequence[Figures]) -> Figures:
    """Return the median of each figure on its own."""
    return Figures(
        statistics.median(figures.wall for figures in runs),
        statistics.median(figures.cpu for figures in runs),
        statistics.median(figures.rss_mib for figures in runs),
    )


def stored_bytes(folder: Path) -> int:
    """Return the sum of the sizes of all files below a folder."""
    return sum(path.lstat().st_size for path in folder.rglob("*") if path.is_file())
