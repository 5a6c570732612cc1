"""What makes trees hard to back up goes through a backup and a restore: depth, holes, links, attributes, odd names."""

import os
import random
import subprocess
import tempfile
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from strongroom.backup.browsing import list_entries
from strongroom.backup.comparing import compare
from strongroom.backup.restore_tree import Restored, restore_tree
from strongroom.backup.selection import EVERYTHING, Selection
from strongroom.repository.check import check_data
from strongroom.repository.reader import BackupReader
from strongroom.sources.files.sparse import data_segments
from strongroom.sources.files.target import FilesTarget
from strongroom.tree.content import ProblemKind
from tests.unit.repository.room import Finished, Room
from tests.unit.repository.trees import directory
from tests.unit.sources.trees import files_source, picture

BLOCK = 4096
MIB = 1 << 20
DEPTH = 10_000
GIB = 1 << 30
SCRAP = b"a piece of data in a sea of nothing"


def back_up(room: Room, path: Path, parent: Finished | None = None) -> Finished:
    with files_source(path).open() as walk:
        return room.back_up(walk) if parent is None else room.back_up_upon(parent, walk)


def restore(reader: BackupReader, target: Path, selection: Selection = EVERYTHING) -> Restored:
    with FilesTarget(target, overwrite=False) as filling:
        filling.prepare()
        return restore_tree(reader, filling, selection, lambda done, files: None)


@pytest.fixture
def place() -> Iterator[Path]:
    """Give a directory in memory where there is one: twenty thousand new directories keep a disk busy for long."""
    memory = Path("/dev/shm")
    place = Path(tempfile.mkdtemp(dir=memory if os.access(memory, os.W_OK) else None))
    yield place
    # Neither pytest nor shutil can: they go down by recursion.
    subprocess.run(["rm", "-rf", place], check=True)


@contextmanager
def inside(place: Path) -> Iterator[None]:
    before = os.open(".", os.O_RDONLY)
    os.chdir(place)
    try:
        yield
    finally:
        os.fchdir(before)
        os.close(before)


def dig(place: Path, depth: int) -> None:
    """Make directories in directories, with a file every thousand levels and at the bottom; no path is that long."""
    place.mkdir()
    with inside(place):
        for level in range(1, depth + 1):
            Path("d").mkdir()
            os.chdir("d")
            if level % 1000 == 0:
                Path("file").write_bytes(b"level %d" % level)
        Path("file").chmod(0o604)
    settle(place, depth)


def settle(place: Path, depth: int) -> None:
    """Give every directory a time of its own, from the bottom up, and some another mode."""
    with inside(place):
        for _ in range(depth):
            os.chdir("d")
        for level in range(depth, 0, -1):
            Path().chmod(0o755 if level % 7 else 0o711)
            os.utime(".", ns=(1, 1_600_000_000_000_000_000 + level))
            os.chdir("..")


def levels(place: Path) -> list[tuple[int, int, dict[str, bytes]]]:
    """Return mode, time and files of every level."""
    found = []
    with inside(place):
        while True:
            status = Path().stat()
            names = sorted(path.name for path in Path().iterdir())
            found.append(
                (status.st_mode, status.st_mtime_ns, {one: Path(one).read_bytes() for one in names if one != "d"})
            )
            if "d" not in names:
                return found
            os.chdir("d")


def test_a_tree_of_ten_thousand_levels_comes_back(place: Path) -> None:
    source, target = place / "source", place / "target"
    room = Room()
    dig(source, DEPTH)
    made = back_up(room, source)
    reader = room.reader(made.backup_id)
    restored = restore(reader, target)

    assert made.summary.problems == restored.problems == ()
    assert levels(target) == levels(source)
    assert len(levels(target)) == DEPTH + 1
    assert check_data(reader, on_progress=lambda done, total: None).damage == []

    again = back_up(room, source, made)
    assert again.summary.stored_bytes < 4096
    assert list(compare(reader, room.reader(again.backup_id))) == []


def test_parts_of_a_deep_tree_come_back_alone(place: Path) -> None:
    source, target = place / "source", place / "target"
    room = Room()
    dig(source, 3000)
    reader = room.reader(back_up(room, source).backup_id)
    wanted = "/".join(["d"] * 2000)

    restored = restore(reader, target, Selection(paths=(f"{wanted}/file",)))

    assert restored.files == 1
    assert len(levels(target)) == 2001
    assert levels(target)[-1][2] == {"file": b"level 2000"}
    assert [entry.name for _, entry in list_entries(reader, wanted, recursive=False)] == [b"d", b"file"]


def test_the_paths_of_a_deep_tree_do_not_fill_the_memory(place: Path) -> None:
    depth, name = 1500, b"n" * 250
    with FilesTarget(place / "target", overwrite=False) as target:
        target.prepare()
        tracemalloc.start()
        path = b""
        target.make(path, directory(b""))
        for _ in range(depth):
            path = path + b"/" + name if path else name
            target.make(path, directory(name))
        problems = target.finish()
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    # All paths together would take 280 MB; those of the 64 directories that are open take 24 MB.
    assert peak < 60 << 20
    assert {problem.kind for problem in problems} <= {ProblemKind.METADATA}


def test_five_gigabytes_of_holes_take_seconds_and_stay_holes(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.mkdir()
    with (source / "sparse").open("wb") as file:
        for offset in (GIB, 3 * GIB + 12_345, 5 * GIB - len(SCRAP)):
            os.pwrite(file.fileno(), SCRAP, offset)
    with (source / "hollow").open("wb") as file:
        file.truncate(5 * GIB)
    room = Room()

    made = back_up(room, source)
    restore(room.reader(made.backup_id), target)

    assert made.summary.source_bytes < MIB
    for name in ("sparse", "hollow"):
        before, after = (source / name).stat(), (target / name).stat()
        assert (after.st_size, after.st_mtime_ns) == (5 * GIB, before.st_mtime_ns)
        assert after.st_blocks <= before.st_blocks
        assert data_in(target / name) == data_in(source / name)
    assert data_in(target / "hollow") == {}


def data_in(path: Path) -> dict[int, bytes]:
    """Return what a file holds beside zeros, by block."""
    found = {}
    with path.open("rb") as file:
        for start, end in data_segments(file.fileno(), path.stat()):
            for offset in range(start - start % BLOCK, end, BLOCK):
                block = os.pread(file.fileno(), BLOCK, offset)
                found |= {offset: block} if any(block) else {}
    return found


def test_links_attributes_and_names_that_are_no_text_come_back(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    fill(source)
    room = Room()

    made = back_up(room, source)
    restored = restore(room.reader(made.backup_id), target)

    assert made.summary.problems == restored.problems == ()
    assert picture(target) == picture(source)


def fill(root: Path) -> None:
    chance = random.Random(5)
    names = [
        os.fsdecode(name) for name in (b"\xff\xfe", b"caf\xe9", b"new\nline", b"\x01\x7f", "名".encode(), b"n" * 255)
    ]
    for folder in [root, *(root / name for name in names)]:
        folder.mkdir()
        for number, name in enumerate(names):
            path = folder / f"{number}{name}"[:200]
            path.write_bytes(chance.randbytes(number * 1000))
            os.setxattr(path, "user.empty", b"")
            os.setxattr(path, "user.large", chance.randbytes(1000))
    for number in range(300):
        (root / names[number % len(names)] / f"again-{number}").hardlink_to(root / f"2{names[2]}")
    (root / "to nowhere").symlink_to(os.fsdecode(b"/\xfe/\xff"))
    os.mkfifo(root / "pipe")
    for path in root.rglob("*"):
        os.utime(path, ns=(1, 1_500_000_000_000_000_000 + chance.randrange(10**18)), follow_symlinks=False)
