"""What a porter's process does with the files of its walk: it reads them into memory that both have, and says so."""

import mmap
import os
import socket
import stat
from typing import cast

import msgspec

from strongroom.sources.errors import SourceMovedError
from strongroom.sources.files.capture import entry_of, xattrs_of
from strongroom.sources.files.content import FileContent, OpenFile, is_same_version
from strongroom.sources.files.exclusion import Exclusion
from strongroom.sources.files.folders import Folder, open_quietly
from strongroom.sources.files.loads import BLOCK_BYTES, BLOCKS, CARRIED_BYTES, Load, LoadKind
from strongroom.sources.files.readahead import ReadAhead
from strongroom.sources.files.sparse import has_no_holes
from strongroom.sources.files.walk import FilesWalk
from strongroom.tree.content import Content, ContentVanishedError, Enter, Item, Problem, ProblemKind
from strongroom.tree.entry import Entry

_BATCH = 128
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

    def turn(self) -> None:
        self.block = (self.block + 1) % BLOCKS
        self.used = 0
        self._left -= 1

    def room(self, size: int) -> memoryview:
        start = self.block * BLOCK_BYTES + self.used
        return self._view[start : start + size]


class Carrier:
    """Goes through a walk to its end; raises OSError where nobody takes what is carried any more."""

    def __init__(
        self, connection: socket.socket, ring: int, walk: FilesWalk, ahead: ReadAhead, exclusion: Exclusion | None
    ) -> None:
        self._connection = connection
        self._ring = _Ring(ring)
        self._walk = walk
        self._ahead = ahead
        self._exclusion = exclusion
        self._batch: list[Load] = []
        self._passed: list[OpenFile] = []
        self._encoder = msgspec.msgpack.Encoder()

    def carry(self) -> None:
        """Carry what the walk comes to, and wait until it was taken."""
        try:
            self._carry_steps()
        except SourceMovedError as error:
            self._say(Load(LoadKind.MOVED, problem=Problem(error.what, ProblemKind.CHANGED, error.next_step)))
        else:
            for problem in self._walk.problems():
                self._say(Load(LoadKind.PROBLEM, problem=problem))
            self._say(Load(LoadKind.END))
        self._flush()
        # A socket that is closed with something unread takes away what was sent through it.
        while self._connection.recv(BLOCKS):
            pass

    def _carry_steps(self) -> None:
        for step in self._walk:
            if isinstance(step, Enter):
                self._say(Load(LoadKind.ENTER, step.entry))
            elif not isinstance(step, Item):
                self._say(Load(LoadKind.LEAVE))
            elif step.content is None:
                self._say(Load(LoadKind.PLAIN, step.entry))
            else:
                self._carry_content(step.content)

    def take(self, folder: Folder, names: list[bytes], others: set[bytes]) -> None:
        """Carry regular files with one name, without looking them up before they are opened.

        They are taken from the end of the names up to one that is among the others, or turns out to be something else
        or not to open, which is left for the walk to look up.
        """
        directory, exclusion, course = folder.descriptor, self._exclusion, self._walk.course
        while names and (name := names[-1]) not in others:
            if exclusion and exclusion.covers(folder.path(name), is_directory=False):
                names.pop()
                continue
            try:
                descriptor = open_quietly(name, os.O_RDONLY, directory)
            except OSError:
                return
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1:
                os.close(descriptor)
                return
            names.pop()
            self._ahead.come_to(status.st_size, course)
            if self._is_held(descriptor, entry_of(name, status), status):
                os.close(descriptor)
            else:
                status = os.fstat(descriptor)
                self._carry_open(OpenFile(descriptor, entry_of(name, status), status, folder, self._ahead))

    def _is_held(self, descriptor: int, entry: Entry, status: os.stat_result) -> bool:
        """Read a small file without holes in one go; return whether that was all of it, and it kept still."""
        size = entry.size
        if size > CARRIED_BYTES or not has_no_holes(status):
            return False
        view = self._room(size)
        entry.xattrs = xattrs_of(descriptor)
        try:
            if size and self._ahead.read(descriptor, view, 0) != size:
                return False
        except OSError:
            return False
        if not is_same_version(os.fstat(descriptor), status):
            return False
        ring = self._ring
        self._say(Load(LoadKind.HELD, entry, ring.block, ring.used, size))
        ring.used += size
        return True

    def _carry_content(self, content: Content) -> None:
        try:
            # What a walk of files yields by itself is nothing else.
            opened = cast("FileContent", content).open_aside()
        except ContentVanishedError as error:
            self._say(Load(LoadKind.PROBLEM, problem=error.problem))
        else:
            self._carry_open(opened)

    def _carry_open(self, opened: OpenFile) -> None:
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
        if self._ring.used + size > BLOCK_BYTES:
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
        # At once, or whoever waits is woken for the length alone.
        whole = memoryview(len(body).to_bytes(4, "big") + body)
        sent = socket.send_fds(self._connection, [whole], descriptors)
        if sent < len(whole):
            self._connection.sendall(whole[sent:])
        for opened in self._passed:
            opened.close()
        self._passed.clear()


def _some(connection: socket.socket) -> bytes:
    received = connection.recv(BLOCKS)
    if not received:
        raise BrokenPipeError
    return received
