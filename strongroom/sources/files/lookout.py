"""A lookout: a second process that looks names up ahead of a walk, which then only compares.

Looking up a name takes the kernel about as long as the rest of a backup spends on a file that did not change; another
process does it at the same time. A thread cannot: between two calls to the kernel it would wait for the other one.
"""

import fcntl
import marshal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from types import TracebackType
from typing import IO, Self, cast

import msgspec

from strongroom.sources.files.sighting import Sighting, Task

_PROGRAM = "from strongroom.sources.files.lookout_process import main; main()"
_PIPE_BYTES = 1024 * 1024
"""How far it may be ahead: some 10,000 names."""


class Lookout:
    """Starts the process when it is wanted, and ends it with the block. The root's descriptor stays the caller's."""

    def __init__(self, task: Task) -> None:
        self._task = task
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            cast("IO[bytes]", self._process.stdout).close()

    def runs(self) -> Iterator[list[Sighting]]:
        """Start it, and return what it sees in the order of the walk, regular files with one name in runs.

        Ends early if anything goes wrong with it.
        """
        # Isolated from the caller's environment, which holds secrets, and from the directory it works in.
        command = [sys.executable, "-I", "-c", _PROGRAM]
        try:
            self._process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
                pass_fds=(self._task.root,),
                env={},
            )
        except OSError:
            return iter(())
        asked, told = cast("IO[bytes]", self._process.stdin), cast("IO[bytes]", self._process.stdout)
        with suppress(OSError):
            fcntl.fcntl(told, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
        with suppress(OSError), asked:
            asked.write(marshal.dumps(msgspec.structs.astuple(self._task)))
        return _read(told)


def _read(told: IO[bytes]) -> Iterator[list[Sighting]]:
    while len(length := told.read(4)) == 4:
        body = told.read(int.from_bytes(length, "big"))
        try:
            batch = marshal.loads(body)  # noqa: S302 - from a process that this one has started
        except (EOFError, ValueError, TypeError):
            # Cut off in the middle, as when the process was killed.
            return
        for run in batch:
            yield [Sighting(*fields) for fields in run]
