"""The output of pg_dump or pg_dumpall as the content of an entry."""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass

from strongroom.sources.postgres.tool import Tool
from strongroom.tree.content import ContentVanishedError, OpenContent, Problem
from strongroom.tree.entry import Entry, EntryType

_PIPE_BYTES = 1 << 20


@contextmanager
def _nothing() -> Iterator[Sequence[str]]:
    yield ()


@dataclass(frozen=True)
class DumpContent:
    """What a program writes; every opening would be a dump of another moment, so it is not replayable.

    `settled` is called when the program has ended, with its status and complaints. It returns None if the output is
    whole, else the problem of an entry that is left out, or raises.
    """

    name: bytes
    command: Sequence[str]
    environment: dict[str, str]
    check: Callable[[], None]
    settled: Callable[[int, str], Problem | None]
    around: Callable[[], AbstractContextManager[Sequence[str]]] = _nothing
    """Entered before the program starts and left after it was settled; gives more arguments for it."""
    replayable = False

    def open(self) -> AbstractContextManager[OpenContent]:
        """Start the program."""
        return self._run()

    @contextmanager
    def _run(self) -> Iterator[OpenContent]:
        with self.around() as more, Tool([*self.command, *more], self.environment) as tool:
            # Fewer, larger reads; not every user may have a pipe of this size.
            with contextlib.suppress(OSError):
                fcntl.fcntl(tool.output, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)
            yield OpenDump(self, tool)


class OpenDump:
    """A dump being read; `settle` knows whether the program was content with it."""

    def __init__(self, content: DumpContent, tool: Tool) -> None:
        self.entry = Entry(content.name, EntryType.FILE, 0o600)
        self._content = content
        self._tool = tool

    def holes(self) -> list[tuple[int, int]]:
        """Return none."""
        return []

    def readinto(self, view: memoryview) -> int:
        """Fill view with what is ready, checking every second while nothing is; 0 when the output was closed."""
        self._tool.wait_for_output(self._content.check)
        return os.readv(self._tool.output, [view])

    def settle(self) -> Problem | None:
        """Wait for the program to end; raises ContentVanishedError or what `settled` raises."""
        status = self._tool.wait(self._content.check)
        problem = self._content.settled(status, self._tool.complaints())
        if problem is not None:
            raise ContentVanishedError(problem)
        return None
