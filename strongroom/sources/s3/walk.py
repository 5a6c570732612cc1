"""One pass over a bucket, as a tree of files."""

import heapq
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import chain, pairwise

from strongroom.sources.s3.content import Bucket, MarkerContent, ObjectContent, entry_of
from strongroom.sources.s3.names import OBJECT
from strongroom.sources.s3.sorting import Listed
from strongroom.tracing import same_ids
from strongroom.tree.content import Enter, Item, Leave, OpenContent, Problem, ProblemKind, Recognise, Step
from strongroom.tree.entry import Entry, EntryType

DIRECTORY_MODE = 0o700
SMALL = 256 * 1024
"""Bytes of an object that is fetched ahead of its turn, where nothing is known already."""

AHEAD = 32
FETCHERS = 8


@dataclass(slots=True)
class Status:
    """What the listing says about an object, in the words of a file system."""

    st_ino: int
    st_size: int
    st_mtime_ns: int
    st_ctime_ns: int
    st_mode: int = 0o100600
    st_dev: int = 0
    st_nlink: int = 1
    st_uid: int = 0
    st_gid: int = 0
    st_rdev: int = 0


@dataclass(slots=True)
class _Level:
    """A directory that the walk is in; `late` are objects whose name, and so place, is not that of their key."""

    name: bytes
    late: list[tuple[bytes, Listed]] = field(default_factory=list)


class BucketWalk:
    """The steps of a bucket's objects in the order of a tree; can be iterated once."""

    def __init__(self, bucket: Bucket, listing: Iterator[Listed], facts: dict[str, str | int]) -> None:
        self._bucket = bucket
        self._listing = listing
        self._facts = facts
        self._levels: list[_Level] = []
        self._recognise: Recognise | None = None

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps; raises where objects may be listed but none may be read."""
        steps = self._steps()
        # Where nothing is known every object is asked for: small ones then come several at a time.
        yield from steps if self._recognise is not None else fetched_ahead(steps)
        if self._bucket.denied and not self._bucket.read:
            raise self._bucket.denied[0]

    def spare(self, recognise: Recognise, expected: int) -> None:
        """Leave out objects that are recognised."""
        if expected:
            self._recognise = recognise

    def problems(self) -> list[Problem]:
        """Return what could not be read of objects that are in the backup."""
        if not self._bucket.tags_denied:
            return []
        return [Problem(self._bucket.name, ProblemKind.METADATA, f"without tags: {self._bucket.tags_denied}")]

    def facts(self) -> dict[str, str | int]:
        """Return which bucket it is."""
        return self._facts

    def _steps(self) -> Iterator[Step]:
        yield self._enter(b"")
        listing = chain(self._listing, [None])
        for listed, following in pairwise(listing):
            if listed is not None:
                yield from self._place(listed, following)
        while self._levels:
            yield from self._leave()

    def _place(self, listed: Listed, following: Listed | None) -> Iterator[Step]:
        *above, name = listed.path
        yield from self._go_to(above)
        if following is not None and following.path[: len(listed.path)] == listed.path:
            heapq.heappush(self._levels[-1].late, (name + OBJECT, listed))
            return
        yield from self._late(before=name)
        yield from self._item(name, listed)

    def _go_to(self, above: list[bytes]) -> Iterator[Step]:
        shared = 0
        for level, name in zip(self._levels[1:], above, strict=False):
            if level.name != name:
                break
            shared += 1
        while len(self._levels) > 1 + shared:
            yield from self._leave()
        for name in above[shared:]:
            yield from self._late(before=name)
            yield self._enter(name)

    def _enter(self, name: bytes) -> Step:
        self._levels.append(_Level(name))
        return Enter(Entry(name, EntryType.DIRECTORY, DIRECTORY_MODE))

    def _leave(self) -> Iterator[Step]:
        yield from self._late(before=None)
        self._levels.pop()
        yield Leave()

    def _late(self, before: bytes | None) -> Iterator[Step]:
        late = self._levels[-1].late
        while late and (before is None or late[0][0] < before):
            yield from self._item(*heapq.heappop(late))

    def _item(self, name: bytes, listed: Listed) -> Iterator[Step]:
        entry = entry_of(listed, name)
        if self._recognise is not None:
            status = Status(entry.inode, entry.size, entry.mtime_ns, entry.ctime_ns)
            if self._recognise((name,), (status,)):
                self._bucket.read += 1
                return
        content = MarkerContent(listed, name) if listed.is_marker else ObjectContent(self._bucket, listed, name)
        yield Item(entry, content)


class FetchedContent:
    """A small object that is being fetched before its turn."""

    replayable = True

    def __init__(self, content: ObjectContent, threads: ThreadPoolExecutor) -> None:
        self._content = content
        self._fetched: Future[tuple[OpenContent, bytes] | None] | None = threads.submit(self._fetch)

    @contextmanager
    def open(self) -> Iterator[OpenContent]:
        """Give what was fetched, once; raises as ObjectContent does."""
        fetched, self._fetched = self._fetched, None
        found = None if fetched is None else fetched.result()
        if found is None:
            with self._content.open() as opened:
                yield opened
            return
        yield _Buffered(*found)

    def _fetch(self) -> tuple[OpenContent, bytes] | None:
        """Return the object with its bytes; None where it has been replaced by one that is not small."""
        with self._content.open() as opened:
            if opened.entry.size > SMALL:
                return None
            data = bytearray(opened.entry.size)
            filled = 0
            while count := opened.readinto(memoryview(data)[filled:]):
                filled += count
            return opened, bytes(data[:filled])


class _Buffered:
    def __init__(self, opened: OpenContent, data: bytes) -> None:
        self.entry = opened.entry
        self.holes = opened.holes
        self.settle = opened.settle
        self._data = memoryview(data)

    def readinto(self, view: memoryview) -> int:
        piece = self._data[: len(view)]
        view[: len(piece)] = piece
        self._data = self._data[len(piece) :]
        return len(piece)


def fetched_ahead(steps: Iterator[Step]) -> Iterator[Step]:
    """Yield the steps, small objects being fetched by several threads while those before them are taken in."""
    waiting: deque[Step] = deque()
    threads = ThreadPoolExecutor(FETCHERS, initializer=same_ids())
    try:
        for step in steps:
            waiting.append(_fetching(step, threads))
            if len(waiting) > AHEAD:
                yield waiting.popleft()
        yield from waiting
    finally:
        threads.shutdown(cancel_futures=True)


def _fetching(step: Step, threads: ThreadPoolExecutor) -> Step:
    if isinstance(step, Item) and isinstance(step.content, ObjectContent) and step.entry.size <= SMALL:
        return Item(step.entry, FetchedContent(step.content, threads))
    return step
