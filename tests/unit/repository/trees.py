"""Trees in memory: a walk over entries whose content the test decides."""

import os
import stat
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from strongroom.tree.content import (
    Content,
    ContentVanishedError,
    Enter,
    Item,
    Leave,
    OpenContent,
    Problem,
    Recognise,
    Step,
)
from strongroom.tree.entry import Entry, EntryType

Holes = list[tuple[int, int]]


@dataclass
class MemoryContent:
    """Bytes to be read, holes between them, and what settling says for each time they are read."""

    entry: Entry
    data: bytes
    holes: Holes = field(default_factory=list)
    replayable: bool = True
    outcomes: Sequence[Problem | Exception | None] = ()
    at_most: int = 1 << 30
    vanished: Problem | None = None
    opened: int = 0

    @contextmanager
    def open(self) -> Iterator[OpenContent]:
        if self.vanished is not None:
            raise ContentVanishedError(self.vanished)
        outcome = self.outcomes[min(self.opened, len(self.outcomes) - 1)] if self.outcomes else None
        self.opened += 1
        yield MemoryReading(self, outcome)


class MemoryReading:
    def __init__(self, content: MemoryContent, outcome: Problem | Exception | None) -> None:
        self.entry = content.entry
        self._content = content
        self._outcome = outcome
        self._at = 0

    def holes(self) -> Holes:
        return self._content.holes

    def readinto(self, view: memoryview) -> int:
        count = min(len(view), self._content.at_most, len(self._content.data) - self._at)
        view[:count] = self._content.data[self._at : self._at + count]
        self._at += count
        return count

    def settle(self) -> Problem | None:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


class HandedMemoryContent(MemoryContent):
    """The same, for another thread; `on_rewind` is called there before each reading."""

    on_rewind: Callable[[], None] = staticmethod(lambda: None)
    closed = 0

    @contextmanager
    def open_aside(self) -> Iterator["HandedMemoryReading"]:
        try:
            yield HandedMemoryReading(self)
        finally:
            self.closed += 1


class HandedMemoryReading(MemoryReading):
    def __init__(self, content: HandedMemoryContent) -> None:
        super().__init__(content, None)
        self._handed = content

    def rewind(self) -> None:
        content = self._handed
        content.on_rewind()
        self._outcome = content.outcomes[min(content.opened, len(content.outcomes) - 1)] if content.outcomes else None
        self._at = 0
        content.opened += 1


class MemoryWalk:
    """A root directory with the given steps in it."""

    def __init__(self, *steps: Step, problems: Sequence[Problem] = ()) -> None:
        self._steps = steps
        self._problems = list(problems)
        self.on_step: Callable[[int], None] = lambda _: None

    def __iter__(self) -> Iterator[Step]:
        yield Enter(directory(b""))
        for number, step in enumerate(self._steps):
            self.on_step(number)
            yield step
        yield Leave()

    def problems(self) -> list[Problem]:
        return self._problems

    def facts(self) -> dict[str, str | int]:
        return {"root": "/srv/data", "answer": 42}


class SparingMemoryWalk(MemoryWalk):
    """The same, asking about files with one name before their steps, as a walk over a file system does."""

    _recognise: Recognise = staticmethod(lambda _names, _statuses: 0)
    expected = 0

    def spare(self, recognise: Recognise, expected: int) -> None:
        self._recognise = recognise
        self.expected = expected

    def __iter__(self) -> Iterator[Step]:
        run: list[Item] = []
        for step in super().__iter__():
            if isinstance(step, Item) and step.content is not None and not step.entry.link_id:
                run.append(step)
            else:
                yield from self._unknown(run)
                run = []
                yield step
        yield from self._unknown(run)

    def _unknown(self, run: list[Item]) -> Iterator[Step]:
        while run:
            known = self._recognise([item.entry.name for item in run], [status_of(item.entry) for item in run])
            yield from run[known : known + 1]
            run = run[known + 1 :]


def status_of(entry: Entry) -> os.stat_result:
    mode = stat.S_IFREG | entry.mode
    times = {"st_mtime_ns": entry.mtime_ns, "st_ctime_ns": entry.ctime_ns}
    return os.stat_result((mode, entry.inode, 1, 1, entry.uid, entry.gid, entry.size, 0, 0, 0), times)


def directory(name: bytes) -> Entry:
    return Entry(name, EntryType.DIRECTORY, 0o755, uid=1000, gid=1000, mtime_ns=1_700_000_000_123_456_789)


def file_entry(name: bytes, size: int) -> Entry:
    return Entry(name, EntryType.FILE, 0o640, size=size, mtime_ns=-5, inode=7, xattrs=[(b"user.note", b"\xff\0")])


def file(name: bytes, data: bytes, holes: Holes | None = None) -> Item:
    holes = holes or []
    size = len(data) + sum(length for _, length in holes)
    return Item(file_entry(name, size), MemoryContent(file_entry(name, size), data, holes))


def handed(name: bytes, data: bytes, **fields: Any) -> Item:
    entry = file_entry(name, len(data))
    return Item(entry, HandedMemoryContent(entry, data, **fields))


def stream(name: bytes, data: bytes, *, at_most: int = 65536, outcome: Exception | None = None) -> Item:
    content = MemoryContent(file_entry(name, 0), data, replayable=False, at_most=at_most, outcomes=[outcome])
    return Item(content.entry, content)


def link(name: bytes, target: bytes) -> Item:
    return Item(Entry(name, EntryType.SYMLINK, 0o777, target=target), None)


def within(name: bytes, *steps: Step) -> list[Step]:
    return [Enter(directory(name)), *steps, Leave()]


def content_of(item: Step) -> MemoryContent:
    assert isinstance(item, Item)
    content: Content | None = item.content
    assert isinstance(content, MemoryContent)
    return content
