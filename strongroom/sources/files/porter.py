"""A porter: a second process that goes on with a walk and reads small files, so that the walk only has to take them.

Opening, reading and closing a small file costs the interpreter more than what is done with its bytes. Another process
does that at the same time; a thread could not.
"""

import mmap
import os
import select
import socket
import subprocess
import sys
from collections import deque
from collections.abc import Iterator
from contextlib import AbstractContextManager, suppress
from types import TracebackType
from typing import Self

import msgspec

from strongroom.sources.errors import SourceMovedError, WalkCutShortError
from strongroom.sources.files.content import OpenFile
from strongroom.sources.files.links import LinkState
from strongroom.sources.files.loads import BLOCK_BYTES, BLOCKS, Errand, Load, LoadKind, Place, receive
from strongroom.sources.files.sighting import Task
from strongroom.tree.content import Enter, Item, Leave, Problem, RewindableContent, Step
from strongroom.tree.entry import Entry

PORTER_WORTH = 2_000
"""Steps after which a walk is taken to be long: starting the process takes a tenth of a second."""

# Nothing there is held in a circle, and looking for circles takes time while modules are imported.
_PROGRAM = "import gc; gc.disable(); from strongroom.sources.files.porter_process import main; main()"
_STEPS_BETWEEN_LOOKS = 64
_MOST_PASSED = 64


class Porter:
    """Starts the process once the walk turns out to be long, and ends it with the block.

    The root's descriptor stays the caller's, who may close it: a walk that is far below it does.
    """

    def __init__(self, task: Task) -> None:
        self._task = msgspec.structs.replace(task, root=os.dup(task.root))
        self._steps = 0
        self._has_started = False
        self._process: subprocess.Popen[bytes] | None = None
        self._carriage: Carriage | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
        if self._carriage is not None:
            self._carriage.close()
        os.close(self._task.root)

    def find_carriage(self) -> "Carriage | None":
        """Count a step of the walk; return what goes on with it once the process is there."""
        self._steps += 1
        if self._steps < PORTER_WORTH or self._steps % _STEPS_BETWEEN_LOOKS:
            return None
        if not self._has_started:
            self._has_started = True
            # Without memory or descriptors left the walk goes on alone.
            with suppress(OSError):
                self._start()
        return self._carriage if self._carriage is not None and self._carriage.is_ready() else None

    def _start(self) -> None:
        ours, theirs = socket.socketpair()
        with theirs:
            self._carriage = carriage = Carriage(ours, _ring(), self._task)
            # Isolated from the caller's environment, which holds secrets, and from the directory it works in.
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-c", _PROGRAM],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                pass_fds=(self._task.root, carriage.ring),
                env={},
            )


class Carriage:
    """What comes from the process: steps by a socket, bytes by a ring of blocks in memory that both have."""

    def __init__(self, connection: socket.socket, ring: int, task: Task) -> None:
        self.ring = ring
        self._connection = connection
        self._task = task
        self._passed: deque[int] = deque()
        self._where: _Where | None = None

    def close(self) -> None:
        """Give back all descriptors, those of files that nobody took included."""
        self._connection.close()
        for descriptor in (self.ring, *self._passed):
            os.close(descriptor)

    def is_ready(self) -> bool:
        """Say whether the process waits for its errand."""
        is_told, _, _ = select.select([self._connection], [], [], 0)
        return bool(is_told) and bool(self._connection.recv(1))

    def carry(self, places: list[Place], links: LinkState) -> Iterator[Step | Problem]:
        """Go on with the walk from there to its end; raises WalkCutShortError and SourceMovedError.

        A file's content is there until the next step is asked for.
        """
        for place in places:
            self._where = _Where(place.name, self._where)
        try:
            body = msgspec.msgpack.encode(Errand(self._task, self.ring, places, links))
            self._connection.sendall(len(body).to_bytes(4, "big") + body)
            yield from self._unload()
        except (OSError, EOFError, msgspec.MsgspecError) as error:
            raise WalkCutShortError(
                "The process that reads files for a backup ended before it was done.",
                next_step="Look for what ended it, such as a lack of memory; the job will be tried again.",
            ) from error

    def _unload(self) -> Iterator[Step | Problem]:
        view = memoryview(mmap.mmap(self.ring, BLOCKS * BLOCK_BYTES, prot=mmap.PROT_READ))
        block = 0
        for load in self._loads():
            if load.kind == LoadKind.HELD and load.entry is not None:
                if load.block != block:
                    self._connection.send(b"\0")
                    block = load.block
                start = block * BLOCK_BYTES + load.offset
                yield Item(load.entry, HeldContent(load.entry, view[start : start + load.length], load))
            elif load.problem is not None:
                yield load.problem
            else:
                yield self._step(load)

    def _loads(self) -> Iterator[Load]:
        decoder = msgspec.msgpack.Decoder(list[Load])
        while True:
            batch = decoder.decode(self._receive())
            last = batch[-1]
            if last.kind < LoadKind.END:
                yield from batch
                continue
            yield from batch[:-1]
            if last.problem is not None:
                raise SourceMovedError(last.problem.path, next_step=last.problem.reason)
            return

    def _step(self, load: Load) -> Step:
        entry, where = load.entry, self._where
        if entry is None or where is None:
            self._where = where and where.parent
            return Leave()
        if load.kind == LoadKind.ENTER:
            self._where = _Where(entry.name, where)
            return Enter(entry)
        return Item(entry, PassedContent(self._passed, entry, where) if load.kind == LoadKind.PASSED else None)

    def _receive(self) -> bytes:
        head, descriptors, flags, _ = socket.recv_fds(self._connection, 4, _MOST_PASSED, socket.MSG_CMSG_CLOEXEC)
        self._passed.extend(descriptors)
        if flags & socket.MSG_CTRUNC:
            # The kernel has dropped some, and those that came would be taken for other files from here on.
            raise WalkCutShortError(
                "This process may not have as many files open as the backup needs.",
                next_step="Raise the limit of open files (`ulimit -n`, LimitNOFILE of a service), such as to 1,024.",
            )
        head += receive(self._connection, 4 - len(head))
        return receive(self._connection, int.from_bytes(head, "big"))


class _Where:
    """A directory on the way down, for telling people where a file is."""

    __slots__ = ("name", "parent")

    def __init__(self, name: bytes, parent: "_Where | None") -> None:
        self.name = name
        self.parent = parent

    def path(self, name: bytes) -> bytes:
        parts, place = [name], self
        while place.parent is not None:
            parts.append(place.name)
            place = place.parent
        return b"/".join(reversed(parts))


class HeldContent(msgspec.Struct, gc=False):
    """The bytes of a file that was read already."""

    entry: Entry
    plain: memoryview
    _load: Load
    _rest: memoryview = memoryview(b"")
    replayable: bool = True

    def open(self) -> Self:
        """Begin at the start."""
        self._rest = self.plain
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        pass

    def holes(self) -> list[tuple[int, int]]:
        """Return the (offset, length) of holes, ascending."""
        return self._load.holes

    def readinto(self, view: memoryview) -> int:
        """Fill view with the next data bytes; 0 at the end."""
        rest = self._rest
        count = min(len(view), len(rest))
        view[:count] = rest[:count]
        self._rest = rest[count:]
        return count

    def settle(self) -> Problem | None:
        """Return None if the file did not change while it was read, the last time if it was read twice."""
        return self._load.problem


class PassedContent:
    """A file that was opened already; its descriptor is the next one that came."""

    __slots__ = ("_entry", "_passed", "_where")
    replayable = True

    def __init__(self, passed: deque[int], entry: Entry, where: _Where) -> None:
        self._passed = passed
        self._entry = entry
        self._where = where

    def open(self) -> AbstractContextManager[OpenFile]:
        """Return the open file."""
        return self._take()

    def open_aside(self) -> AbstractContextManager[RewindableContent]:
        """Return the open file for another thread, which is to rewind it first and to close it."""
        return self._take()

    def _take(self) -> OpenFile:
        descriptor = self._passed.popleft()
        return OpenFile(descriptor, self._entry, os.fstat(descriptor), self._where, None)


def _ring() -> int:
    descriptor = os.memfd_create("strongroom-files")
    try:
        os.ftruncate(descriptor, BLOCKS * BLOCK_BYTES)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
