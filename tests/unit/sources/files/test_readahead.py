"""Files that come from the disk are fetched ahead of the walk: the right ones, not too many, and never at any cost."""

import ctypes
import errno
import mmap
import os
import threading
import time
from collections.abc import Callable, Generator
from pathlib import Path

import pytest

from strongroom.settings import FilesSourceSettings
from strongroom.sources.files.exclusion import Exclusion, Scope
from strongroom.sources.files.folders import Folder, FolderStack
from strongroom.sources.files.readahead import AHEAD_BYTES, FILE_BYTES, Course, NextFile, ReadAhead, Scout
from strongroom.sources.files.source import FilesSource
from strongroom.sources.files.walk import Crew, FilesWalk
from strongroom.tree.content import Item
from tests.unit.sources.trees import by_one, read_content


class Watched(ReadAhead):
    """Notes what a walk says, and looks down the course at a file of a certain size."""

    def __init__(self, look_at: int) -> None:
        super().__init__()
        self._look_at = look_at
        self.coming: list[tuple[bytes, int]] = []
        self.stops = 0

    def come_to(self, size: int, course: Course) -> None:
        if size == self._look_at:
            self.coming = [(folder.path(name), length) for folder, name, length in course()]

    def stop(self) -> None:
        self.stops += 1


def walk_over(root: Path, ahead: ReadAhead, *, exclude: tuple[str, ...] = (), spare: tuple[bytes, ...] = ()) -> None:
    with FolderStack.at_root(os.open(root, os.O_RDONLY)) as folders:
        walk = FilesWalk(folders, Scope(Exclusion(exclude) if exclude else None, one_file_system=True), {}, Crew(ahead))
        walk.spare(by_one(lambda name, _: name in spare), expected=0)
        for _ in walk:
            pass


def make_tree(root: Path) -> None:
    for number, path in enumerate(["a/deep/1", "a/deep/2", "a/x", "b/1", "b/skip/1", "c"]):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(b"x" * (number + 1))
    os.mkfifo(root / "b/fifo")
    (root / "b/link").symlink_to("1")


def test_the_course_is_what_the_walk_will_come_to_and_nothing_else(tmp_path):
    make_tree(tmp_path)
    ahead = Watched(look_at=1)

    walk_over(tmp_path, ahead, exclude=("skip/",))

    assert ahead.coming == [(b"a/deep/2", 2), (b"a/x", 3), (b"b/1", 4), (b"c", 6)]


def descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))


def test_the_course_gives_its_descriptors_back_however_far_it_was_followed(tmp_path):
    make_tree(tmp_path)

    class Leaving(Watched):
        def come_to(self, size: int, course: Course) -> None:
            way = course()
            next(way, None)
            way.close()

    before = descriptors()
    walk_over(tmp_path, Leaving(1))

    assert descriptors() == before


def test_after_a_file_that_did_not_change_nothing_is_fetched_until_files_are_missed_again(tmp_path):
    make_tree(tmp_path)
    ahead = Watched(look_at=0)

    walk_over(tmp_path, ahead, spare=(b"2",))

    assert ahead.stops == 1


def no_file_of(folder: Folder, count: int, seen: list[int]) -> Generator[NextFile]:
    for number in range(count):
        seen.append(number)
        yield folder, b"not there", 0


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


@pytest.fixture
def folder(tmp_path):
    folder = Folder(b"", os.open(tmp_path, os.O_RDONLY))
    yield folder
    folder.close()


def test_files_that_cannot_be_opened_ahead_are_passed_over_and_a_warm_tree_ends_it(folder):
    seen: list[int] = []
    scout = Scout(no_file_of(folder, 10_000, seen))
    until(lambda: not scout.follow(0))
    scout.stop()

    assert 0 < len(seen) < 10_000


def test_the_thread_keeps_a_distance_that_grows_as_it_is_followed(folder, monkeypatch):
    monkeypatch.setattr("strongroom.sources.files.readahead._WARM_IN_A_ROW", -1)
    seen: list[int] = []
    scout = Scout(no_file_of(folder, 100_000, seen))
    until(lambda: len(seen) * FILE_BYTES > 512 * 1024)
    first = len(seen)
    for _ in range(64):
        scout.follow(0)
    until(lambda: len(seen) > 2 * first + 64)

    for _ in range(20_000):
        scout.follow(0)
    until(lambda: len(seen) > 20_000)
    scout.stop()

    assert len(seen) - 20_064 <= AHEAD_BYTES // FILE_BYTES + 1


def test_a_file_system_that_cannot_say_is_read_all_the_same(tmp_path, monkeypatch):
    (tmp_path / "file").write_bytes(b"content")
    asked = []
    really = os.preadv

    def preadv(descriptor: int, views: list[memoryview], offset: int, flags: int = 0) -> int:
        if flags:
            asked.append(flags)
            raise OSError(errno.EOPNOTSUPP, "not supported")
        return really(descriptor, views, offset)

    monkeypatch.setattr(os, "preadv", preadv)
    descriptor = os.open(tmp_path / "file", os.O_RDONLY)
    ahead = ReadAhead()
    got = [ahead.read(descriptor, memoryview(bytearray(4)), offset) for offset in (0, 4)]
    os.close(descriptor)

    assert (got, len(asked)) == ([4, 3], 1)


def is_in_memory(path: Path) -> bool:
    """Ask without touching it: a read that does not wait has the kernel fetch what it misses."""
    with path.open("r+b") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        first = ctypes.c_char.from_buffer(mapped)
        pages = (ctypes.c_ubyte * 1)()
        failed = ctypes.CDLL(None).mincore(ctypes.byref(first), ctypes.c_size_t(1), pages)
        del first
    assert not failed
    return bool(pages[0] & 1)


def drop(path: Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def make_cold(root: Path, count: int) -> list[Path]:
    files = [root / f"{number:03}" for number in range(count)]
    for path in files:
        path.write_bytes(b"x" * 4096)
    # A page that some processor still has in its hands is let go the next time.
    for _ in range(10):
        for path in filter(is_in_memory, files):
            drop(path)
    if any(map(is_in_memory, files)):
        pytest.skip("this file system keeps its files in memory")
    return files


def is_reading_ahead() -> bool:
    return "read-ahead" in {thread.name for thread in threading.enumerate()}


def test_cold_files_are_in_memory_before_the_walk_comes_to_them(tmp_path):
    files = make_cold(tmp_path, 24)

    with FilesSource(FilesSourceSettings(name="files", path=tmp_path)).open() as walk:
        contents = (step.content for step in walk if isinstance(step, Item))
        read = 0
        # A disk may answer so soon that a read did not have to wait for it.
        while not is_reading_ahead() and read < 16:
            with next(contents).open() as opened:
                assert read_content(opened) == b"x" * 4096
            read += 1
        next(contents)
        # Which of them the kernel fetches first, and whether it finds room for all, is its own affair.
        until(lambda: any(map(is_in_memory, files[read + 1 :])))


def test_of_a_tree_in_memory_nothing_is_fetched(tmp_path):
    for number in range(100):
        (tmp_path / str(number)).write_bytes(b"x" * 100)

    with FilesSource(FilesSourceSettings(name="files", path=tmp_path)).open() as walk:
        for content in (step.content for step in walk if isinstance(step, Item)):
            with content.open() as opened:
                read_content(opened)
        assert not is_reading_ahead()
