"""Comparing directory trees in everything a restore has to bring back, and passing one through source and target."""

import os
import stat
import struct
from collections.abc import Callable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Any

from strongroom.repository.reader import Piece
from strongroom.settings import FilesSourceSettings
from strongroom.sources.files.source import FilesSource
from strongroom.sources.files.target import FilesTarget
from strongroom.tree.content import (
    ContentVanishedError,
    Enter,
    Item,
    Leave,
    OpenContent,
    Problem,
    Recognise,
    Status,
    Step,
)
from strongroom.tree.entry import Entry, EntryType, Extent, Hole, Run
from tests.unit.sources.unprivileged import NOBODY

Written = tuple[bytes, int, bytes]
"""Path, offset and bytes of a piece of a file."""


def access_control_list() -> bytes:
    """Return owner rwx, user 65534 r--, group r-x, mask r-x, others none as Linux stores it."""
    nobody = 0xFFFFFFFF
    lines = [(0x01, 7, nobody), (0x02, 4, NOBODY), (0x04, 5, nobody), (0x10, 5, nobody), (0x20, 0, nobody)]
    return struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *line) for line in lines)


def files_source(path: Path, **settings: Any) -> FilesSource:
    return FilesSource(FilesSourceSettings(name="files", path=path, **settings))


def by_one(is_known: Callable[[bytes, Status], bool]) -> Recognise:
    """Recognise names that follow each other, one after the other."""

    def recognise(names: Sequence[bytes], statuses: Sequence[Status]) -> int:
        return len(list(takewhile(lambda one: is_known(*one), zip(names, statuses, strict=True))))

    return recognise


def read_steps(path: Path, **settings: Any) -> list[tuple[bytes, Step]]:
    """Walk a tree without opening anything; Leave has the path that ends."""
    with files_source(path, **settings).open() as walk:
        return with_paths(walk)


def with_paths(steps: Any) -> list[tuple[bytes, Step]]:
    found: list[tuple[bytes, Step]] = []
    parents: list[bytes] = []
    for step in steps:
        if isinstance(step, Enter):
            parents.append(step.entry.name)
            found.append((b"/".join(parents[1:]), step))
        elif isinstance(step, Item):
            found.append((b"/".join([*parents[1:], step.entry.name]), step))
        else:
            found.append((b"/".join(parents[1:]), step))
            parents.pop()
    return found


def read_content(opened: OpenContent, *, at_once: int = 1 << 16) -> bytes:
    view = memoryview(bytearray(at_once))
    pieces = []
    while got := opened.readinto(view):
        pieces.append(bytes(view[:got]))
    return b"".join(pieces)


def announce(target: FilesTarget, entries: Sequence[tuple[bytes, Entry]]) -> Callable[[bytes, int, memoryview], int]:
    """Make all entries, and return what writes pieces of the files among them by path."""
    tokens = {path: target.make(path, entry) for path, entry in entries}

    def write(path: bytes, offset: int, data: memoryview) -> int:
        token = tokens[path]
        return 0 if token is None else target.write([Piece(token, offset, data)])

    return write


class Backup:
    """A tree held in memory, as a repository would give it back."""

    def __init__(self, path: Path, **settings: Any) -> None:
        self.entries: list[tuple[bytes, Entry]] = []
        self.pieces: list[Written] = []
        self.problems: list[Problem] = []
        with files_source(path, **settings).open() as walk:
            parents: list[bytes] = []
            for step in walk:
                self._take(step, parents)
            self.problems += walk.problems()

    def restore(self, target: Path, *, overwrite: bool = False, arrange: Callable[..., Any] = list) -> list[Problem]:
        """Fill the target, with the pieces in the order that `arrange` puts them in."""
        with FilesTarget(target, overwrite=overwrite) as filling:
            filling.prepare()
            write = announce(filling, self.entries)
            for path, offset, data in arrange(self.pieces):
                write(path, offset, memoryview(data))
            return filling.finish()

    def _take(self, step: Step, parents: list[bytes]) -> None:
        if isinstance(step, Leave):
            parents.pop()
            return
        path = b"/".join([*parents[1:], step.entry.name])
        if isinstance(step, Enter):
            parents.append(step.entry.name)
            self.entries.append((path, step.entry))
        elif step.content is None:
            self.entries.append((path, step.entry))
        else:
            self._read(path, step)

    def _read(self, path: bytes, item: Item) -> None:
        assert item.content is not None
        try:
            with item.content.open() as opened:
                data = read_content(opened)
                holes = opened.holes()
                problem = opened.settle()
        except ContentVanishedError as vanished:
            self.problems.append(vanished.problem)
            return
        self.problems += [problem] if problem else []
        opened.entry.extents = self._extents(path, data, holes, opened.entry.size)
        self.entries.append((path, opened.entry))

    def _extents(self, path: bytes, data: bytes, holes: Sequence[tuple[int, int]], size: int) -> list[Extent]:
        extents: list[Extent] = []
        position = used = 0
        for start, length in [*holes, (size, 0)]:
            if start > position:
                self.pieces.append((path, position, data[used : used + start - position]))
                extents.append(Run(0, 0, 0, start - position))
                used += start - position
            if length:
                extents.append(Hole(length))
            position = start + length
        return extents


def picture(root: Path) -> dict[bytes, dict[str, Any]]:
    """Return everything about a tree that a restore has to bring back, by path."""
    found = {b"": _facts(root)}
    names: dict[tuple[int, int], bytes] = {}
    for place in root.rglob("*"):
        found[os.fsencode(place.relative_to(root))] = _facts(place)
    for path in sorted(found):
        key = found[path].pop("inode")
        found[path]["same file as"] = names.setdefault(key, path)
    return found


def _facts(place: Path) -> dict[str, Any]:
    status = place.lstat()
    facts: dict[str, Any] = {
        "mode": stat.filemode(status.st_mode),
        "owner": (status.st_uid, status.st_gid),
        "mtime": status.st_mtime_ns,
        "device": status.st_rdev,
        "inode": (status.st_dev, status.st_ino),
        "xattrs": {
            name: os.getxattr(place, name, follow_symlinks=False) for name in os.listxattr(place, follow_symlinks=False)
        },
    }
    if stat.S_ISLNK(status.st_mode):
        facts["target"] = os.fsencode(place.readlink())
    if stat.S_ISREG(status.st_mode):
        facts |= {"size": status.st_size, "content": place.read_bytes()}
    return facts


def entry_types(steps: Sequence[tuple[bytes, Step]]) -> dict[bytes, EntryType]:
    return {path: step.entry.type for path, step in steps if not isinstance(step, Leave)}
