"""Reading a file gives its bytes without holes, and tells when they are not all of one moment."""

import os
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import pytest

from strongroom.settings import LogsSourceSettings
from strongroom.sources.files.content import OpenFile
from strongroom.sources.files.folders import Folder
from strongroom.sources.files.readahead import ReadAhead
from strongroom.sources.files.source import FilesSource
from strongroom.tree.content import ContentVanishedError, Item, ProblemKind
from tests.unit.sources.trees import files_source, read_content
from tests.unit.sources.unprivileged import open_to_nobody, unprivileged

MIB = 1 << 20


@contextmanager
def walked_to(root, name):
    """Stop the walk at a file, when its content may be opened."""
    with files_source(root).open() as walk:
        for step in walk:
            if isinstance(step, Item) and step.entry.name == name:
                yield step
                return


@contextmanager
def opened(root, name):
    with walked_to(root, name) as item, item.content.open() as content:
        yield content


@pytest.mark.parametrize("at_once", [1, 7, 4096, MIB])
def test_content_is_the_same_in_pieces_of_any_size(tmp_path, at_once):
    data = os.urandom(9_001)
    (tmp_path / "file").write_bytes(data)

    with opened(tmp_path, b"file") as content:
        assert read_content(content, at_once=at_once) == data
        assert content.holes() == []
        assert content.settle() is None


def test_an_empty_file_ends_at_once(tmp_path):
    (tmp_path / "file").touch()

    with opened(tmp_path, b"file") as content:
        assert read_content(content) == b""
        assert (content.entry.size, content.settle()) == (0, None)


def test_holes_are_not_read(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.seek(MIB)
        file.write(b"middle".ljust(MIB, b"."))
        file.truncate(4 * MIB)

    with opened(tmp_path, b"file") as content:
        assert read_content(content) == b"middle".ljust(MIB, b".")
        assert content.holes() == [(0, MIB), (2 * MIB, 2 * MIB)]
        assert (content.entry.size, content.settle()) == (4 * MIB, None)


def test_a_file_that_is_one_hole_has_no_data(tmp_path):
    with (tmp_path / "file").open("wb") as file:
        file.truncate(1 << 40)

    with opened(tmp_path, b"file") as content:
        assert read_content(content) == b""
        assert content.holes() == [(0, 1 << 40)]


def test_extended_attributes_come_with_the_open_file(tmp_path):
    (tmp_path / "file").touch()
    os.setxattr(tmp_path / "file", "user.b", b"\x00\xff")
    os.setxattr(tmp_path / "file", "user.a", b"")

    with opened(tmp_path, b"file") as content:
        assert content.entry.xattrs == [(b"user.a", b""), (b"user.b", b"\x00\xff")]


def test_reading_does_not_touch_the_access_time(tmp_path):
    (tmp_path / "file").write_text("x")
    os.utime(tmp_path / "file", ns=(1, 1))

    with opened(tmp_path, b"file") as content:
        read_content(content)

    assert (tmp_path / "file").stat().st_atime_ns == 1


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(b"other" * 1000),
        lambda path: path.write_bytes(b"x"),
        lambda path: path.open("ab").write(b"more"),
        lambda path: path.open("r+b").write(b"S"),
    ],
    ids=["longer", "shorter", "appended", "same length"],
)
def test_a_file_that_changes_while_it_is_read_is_noticed(tmp_path, change):
    path = tmp_path / "file"
    path.write_bytes(b"a" * 1000)
    os.utime(path, ns=(1, 1))

    with opened(tmp_path, b"file") as content:
        content.readinto(memoryview(bytearray(10)))
        change(path)
        read_content(content)
        problem = content.settle()

    assert (problem.path, problem.kind) == ("file", ProblemKind.CHANGED)


def test_a_file_that_grows_is_read_to_the_size_it_had(tmp_path):
    (tmp_path / "log").write_bytes(b"12345")

    with opened(tmp_path, b"log") as content:
        with (tmp_path / "log").open("ab") as log:
            log.write(b"678")

        assert read_content(content) == b"12345"


def test_a_changed_file_can_be_read_once_more(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"first")

    with walked_to(tmp_path, b"file") as item:
        with item.content.open() as content:
            path.write_bytes(b"second")
            read_content(content)
            assert content.settle() is not None
        with item.content.open() as content:
            assert (read_content(content), content.settle(), content.entry.size) == (b"second", None, 6)
        assert item.content.replayable


def test_a_file_that_is_gone_has_vanished(tmp_path):
    (tmp_path / "file").touch()

    with walked_to(tmp_path, b"file") as item:
        (tmp_path / "file").unlink()
        with pytest.raises(ContentVanishedError) as error:
            item.content.open()

    assert (error.value.problem.path, error.value.problem.kind) == ("file", ProblemKind.VANISHED)


@pytest.mark.parametrize(
    "replace", [os.mkfifo, os.mkdir, lambda path: path.symlink_to("/etc/passwd")], ids=["fifo", "directory", "link"]
)
def test_a_file_that_was_replaced_by_something_else_has_vanished(tmp_path, replace):
    (tmp_path / "file").touch()

    with walked_to(tmp_path, b"file") as item:
        (tmp_path / "file").unlink()
        replace(tmp_path / "file")
        with pytest.raises(ContentVanishedError) as error:
            item.content.open()

    assert error.value.problem.kind is ProblemKind.VANISHED


def test_a_file_that_was_replaced_by_another_is_read_as_that_one(tmp_path):
    (tmp_path / "file").write_bytes(b"old")

    with walked_to(tmp_path, b"file") as item:
        (tmp_path / "new").write_bytes(b"newer")
        (tmp_path / "new").rename(tmp_path / "file")
        with item.content.open() as content:
            assert (read_content(content), content.entry.size) == (b"newer", 5)
            assert content.entry.inode == (tmp_path / "file").stat().st_ino


def test_a_file_that_may_not_be_read_is_unreadable():
    with open_to_nobody() as root, unprivileged():
        (root / "file").touch(mode=0)
        with walked_to(root, b"file") as item, pytest.raises(ContentVanishedError) as error:
            item.content.open()

    assert (error.value.problem.path, error.value.problem.kind) == ("file", ProblemKind.UNREADABLE)
    assert error.value.problem.reason == "Permission denied"


def test_somebody_elses_file_is_read_without_the_right_to_keep_its_access_time(tmp_path):
    with open_to_nobody() as root:
        (root / "file").write_bytes(b"of another user")
        with unprivileged(), opened(root, b"file") as content:
            assert read_content(content) == b"of another user"


def test_when_the_first_name_cannot_be_read_the_second_brings_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"shared")
    (tmp_path / "b").hardlink_to(tmp_path / "a")
    with files_source(tmp_path).open() as walk:
        items = (step for step in walk if isinstance(step, Item))
        first = next(items)
        (tmp_path / "a").unlink()
        with pytest.raises(ContentVanishedError):
            first.content.open()
        second = next(items)
        with second.content.open() as content:
            assert (second.entry.name, read_content(content)) == (b"b", b"shared")


def test_when_the_first_name_was_given_to_another_file_the_second_brings_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"shared")
    for name in ("b", "c"):
        (tmp_path / name).hardlink_to(tmp_path / "a")
    (tmp_path / "new").write_bytes(b"another")
    with files_source(tmp_path, exclude=["new"]).open() as walk:
        items = (step for step in walk if isinstance(step, Item))
        first = next(items)
        (tmp_path / "new").rename(tmp_path / "a")
        with first.content.open() as content:
            assert (content.entry.link_id, read_content(content)) == (0, b"another")
        second = next(items)
        assert second.content is not None
        with second.content.open() as content:
            assert (second.entry.name, read_content(content)) == (b"b", b"shared")


def test_a_disk_that_gives_nothing_back_makes_the_file_unreadable(tmp_path):
    (tmp_path / "file").write_bytes(b"data")
    folder = Folder(b"", os.open(tmp_path, os.O_RDONLY))
    with walked_to(tmp_path, b"file") as item:
        write_only = os.open(tmp_path / "file", os.O_WRONLY)
        with OpenFile(write_only, item.entry, os.fstat(write_only), folder, ReadAhead()) as content:
            assert content.readinto(memoryview(bytearray(10))) == 0
            problem = content.settle()
    folder.close()

    assert (problem.path, problem.kind) == ("file", ProblemKind.UNREADABLE)


@pytest.mark.parametrize(
    ("during", "kept"),
    [
        (lambda log: os.truncate(log, 20), True),
        (lambda log: os.truncate(log, 3), False),
        (lambda log: log.write_bytes(b"other lines, and more of them\n"), False),
    ],
    ids=["grows", "is cut short", "is cut short and grows"],
)
def test_a_log_may_only_grow_while_it_is_read(tmp_path: Path, during: Callable[[Path], object], kept: bool) -> None:
    log = tmp_path / "app.log"
    log.write_bytes(b"first\nsecond\n")
    with FilesSource(LogsSourceSettings(name="logs", path=tmp_path)).open() as walk:
        content = next(step.content for step in walk if isinstance(step, Item))
        assert content is not None
        with content.open() as opened:
            read = read_content(opened)
            during(log)
            problem = opened.settle()
    assert read == b"first\nsecond\n"
    assert (problem is None) is kept
