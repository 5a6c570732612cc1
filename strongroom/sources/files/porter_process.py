"""The process behind a porter: goes on with a walk where another one stands, and carries what it finds to that one.

Standard input is a socket. It brings one Errand; back go batches, four bytes of length, big endian, and so many of a
msgpack array of Loads, in the order of the walk and ended by END. A batch is accompanied by the descriptors of those of
its files that are PASSED. The bytes of smaller files lie in a ring of blocks in shared memory, filled in turn; for each
block that was read to its end the socket brings a byte, and the block may be filled again.
"""

import gc
import mmap
import os
import socket
from contextlib import suppress
from typing import cast

import msgspec

from strongroom.errors import StrongroomError
from strongroom.sources.files.content import FileContent, OpenFile
from strongroom.sources.files.exclusion import Exclusion, Scope
from strongroom.sources.files.folders import FolderStack, names_in, open_quietly
from strongroom.sources.files.links import LinkTable
from strongroom.sources.files.loads import BLOCK_BYTES, BLOCKS, CARRIED_BYTES, Errand, Load, LoadKind, Place
from strongroom.sources.files.readahead import ReadAhead
from strongroom.sources.files.walk import Crew, FilesWalk
from strongroom.tree.content import Content, ContentVanishedError, Enter, Item

_BATCH = 64
_PASSED_AT_ONCE = 16
_READS = 2


class _Ring:
    def __init__(self, descriptor: int) -> None:
        self._view = memoryview(mmap.mmap(descriptor, BLOCKS * BLOCK_BYTES))
        self._left = BLOCKS - 1
        self.block = self.used = 0

    @property
    def is_exhausted(self) -> bool:
        return self._left == 0

    def give_back(self, count: int) -> None:
        self._left += count

    def has_room(self, size: int) -> bool:
        return self.used + size <= BLOCK_BYTES

    def turn(self) -> None:
        self.block = (self.block + 1) % BLOCKS
        self.used = 0
        self._left -= 1

    def room(self, size: int) -> memoryview:
        start = self.block * BLOCK_BYTES + self.used
        return self._view[start : start + size]


class _Carrier:
    def __init__(self, connection: socket.socket, ring: int) -> None:
        self._connection = connection
        self._ring = _Ring(ring)
        self._batch: list[Load] = []
        self._passed: list[OpenFile] = []
        self._encoder = msgspec.msgpack.Encoder()

    def carry(self, walk: FilesWalk) -> None:
        for step in walk:
            if isinstance(step, Enter):
                self._say(Load(LoadKind.ENTER, step.entry))
            elif not isinstance(step, Item):
                self._say(Load(LoadKind.LEAVE))
            elif step.content is None:
                self._say(Load(LoadKind.PLAIN, step.entry))
            else:
                self._carry_file(step.content)
        for problem in walk.problems():
            self._say(Load(LoadKind.PROBLEM, problem=problem))
        self._say(Load(LoadKind.END))
        self._flush()
        # A socket that is closed with something unread takes away what was sent through it.
        while self._connection.recv(BLOCKS):
            pass

    def _carry_file(self, content: Content) -> None:
        try:
            # What a walk of files yields by itself is nothing else.
            opened = cast("FileContent", content).open_aside()
        except ContentVanishedError as error:
            self._say(Load(LoadKind.PROBLEM, problem=error.problem))
            return
        load = self._read(opened)
        if load is None:
            self._passed.append(opened)
            self._say(Load(LoadKind.PASSED, opened.entry))
        else:
            opened.close()
            self._say(load)

    def _read(self, opened: OpenFile) -> Load | None:
        """Read a file, once more if it changed meanwhile; None where it is too large to be carried."""
        for again in range(_READS):
            if again:
                opened.rewind()
            size = opened.entry.size
            if size > CARRIED_BYTES:
                return None
            length = self._fill(opened, self._room(size))
            problem = opened.settle()
            if problem is None:
                break
        at = self._ring.used
        self._ring.used += length
        return Load(LoadKind.HELD, opened.entry, self._ring.block, at, length, opened.holes(), problem)

    def _fill(self, opened: OpenFile, view: memoryview) -> int:
        filled = 0
        while filled < len(view):
            count = opened.readinto(view[filled:])
            if not count:
                break
            filled += count
        return filled

    def _room(self, size: int) -> memoryview:
        if not self._ring.has_room(size):
            if self._ring.is_exhausted:
                self._flush()
                self._ring.give_back(len(_some(self._connection)))
            self._ring.turn()
        return self._ring.room(size)

    def _say(self, load: Load) -> None:
        self._batch.append(load)
        if len(self._batch) == _BATCH or len(self._passed) == _PASSED_AT_ONCE:
            self._flush()

    def _flush(self) -> None:
        if not self._batch:
            return
        body = self._encoder.encode(self._batch)
        self._batch.clear()
        descriptors = [opened.fileno() for opened in self._passed]
        socket.send_fds(self._connection, [len(body).to_bytes(4, "big")], descriptors)
        self._connection.sendall(body)
        for opened in self._passed:
            opened.close()
        self._passed.clear()


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(BLOCKS)
    if not received:
        raise BrokenPipeError
    return received


def _walk(errand: Errand, ahead: ReadAhead) -> FilesWalk:
    task = errand.task
    # Not the descriptor that the other walk has as well: they would share the place up to which the root was listed.
    folders = FolderStack.at_root(open_quietly(b".", os.O_RDONLY | os.O_DIRECTORY, task.root))
    levels = [_names(folders, errand.places[0])]
    for place in errand.places[1:]:
        folders.enter(place.name)
        levels.append(_names(folders, place))
    exclusion = Exclusion(task.exclude, task.include) if task.exclude or task.include else None
    walk = FilesWalk(folders, Scope(exclusion, task.one_file_system), {}, Crew(ahead))
    walk.go_on(levels, LinkTable.restored(errand.links))
    return walk


def _names(folders: FolderStack, place: Place) -> list[bytes]:
    folder = folders.current
    if (folder.device, folder.inode) != (place.device, place.inode):
        raise FileNotFoundError
    return [name for name in names_in(folder) if name >= place.first] if place.first is not None else []


def serve(connection: socket.socket) -> None:
    """Say that an errand is awaited, and carry what it asks for; raises OSError where nobody takes it any more."""
    connection.sendall(b"\0")
    length = int.from_bytes(connection.recv(4, socket.MSG_WAITALL), "big")
    errand = msgspec.msgpack.decode(connection.recv(length, socket.MSG_WAITALL), type=Errand)
    with ReadAhead() as ahead:
        _Carrier(connection, errand.ring).carry(_walk(errand, ahead))


def main() -> None:
    """Serve the socket that is standard input."""
    # Nothing here is held in a circle.
    gc.disable()
    # Whoever waits for the end sees that it ended early.
    with suppress(OSError, StrongroomError, msgspec.MsgspecError, KeyboardInterrupt), socket.socket(fileno=0) as theirs:
        serve(theirs)
