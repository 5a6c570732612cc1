"""A walk that a porter goes on with brings the same steps and bytes as one alone, or says that it was cut short."""

import gc
import os
import resource
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

from strongroom.sources.errors import SourceMovedError, WalkCutShortError
from strongroom.sources.files import folders, porter, porter_process, walk
from strongroom.sources.files.folders import Folder
from strongroom.sources.files.loads import CARRIED_BYTES
from strongroom.sources.files.porter import Carriage
from strongroom.sources.files.walk import FilesWalk
from strongroom.tree.content import Item, Leave, Problem, ProblemKind, Step, is_handed
from tests.unit.sources.trees import files_source

LAST = os.fsdecode(b"\xff\xfe")

Told = tuple[object, ...]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("a/deep/er", "b", "b-", "c/skip", "empty", "z", LAST):
        (tmp_path / folder).mkdir(parents=True)
    for folder in ("a", "a/deep/er", "b", "b-", "c/skip", LAST):
        for number in range(40):
            (tmp_path / folder / f"file-{number}").write_bytes(os.urandom(number * 700))
    for number in range(20):
        (tmp_path / "z" / f"large-{number}").write_bytes(os.urandom(CARRIED_BYTES - 1 + number % 3))
    (tmp_path / "z" / "other-name").hardlink_to(tmp_path / "a" / "file-3")
    (tmp_path / "link").symlink_to("b")
    os.mkfifo(tmp_path / "c" / "fifo")
    with (tmp_path / "z" / "sparse").open("wb") as sparse:
        sparse.write(b"begin")
        sparse.truncate(300_000)
    os.setxattr(tmp_path / "b" / "file-7", "user.colour", b"blue")
    os.setxattr(tmp_path / "z" / "large-2", "user.colour", b"red")
    return tmp_path


@pytest.fixture(params=[1, 2, 90, 200])
def early(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the porter take over after so many steps, and not when it happens to be there."""
    monkeypatch.setattr(porter, "PORTER_WORTH", request.param)
    monkeypatch.setattr(porter, "_STEPS_BETWEEN_LOOKS", 1)
    monkeypatch.setattr(Carriage, "is_ready", lambda carriage: bool(carriage._connection.recv(1)))


def steps_of(root: Path, meanwhile: Callable[[], None] = lambda: None) -> list[Told]:
    """Walk to the end and read every file; `meanwhile` is called at every step."""
    with files_source(root, exclude=["skip", "*-13"]).open() as steps:
        told = [_told(step) for step in _each(steps, meanwhile)]
        return told + sorted([(problem.path, problem.kind) for problem in steps.problems()])


def _each(walk: "Iterator[Step] | object", meanwhile: Callable[[], None]) -> Iterator[Step]:
    for step in walk:  # type: ignore[attr-defined]  # a walk is iterated once, which its protocol says with __iter__
        meanwhile()
        yield step


def _told(step: Step) -> Told:
    if isinstance(step, Leave):
        return ("leave",)
    if not isinstance(step, Item) or step.content is None:
        return (type(step).__name__, step.entry)
    opening = step.content.open_aside() if is_handed(step.content) else step.content.open()
    with opening as opened:
        buffer = memoryview(bytearray(100_000))
        whole = b"".join(bytes(buffer[:count]) for count in iter(lambda: opened.readinto(buffer), 0))
        return ("file", opened.entry, whole, opened.holes(), opened.settle())


def porters() -> list[int]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(child) for child in children if b"porter" in Path(f"/proc/{child}/cmdline").read_bytes()]


def descriptors() -> int:
    gc.collect()
    return len(list(Path("/proc/self/fd").iterdir()))


@pytest.mark.usefixtures("early")
def test_the_steps_and_bytes_are_the_same(root, monkeypatch):
    seen: set[int] = set()
    before = descriptors()

    carried = steps_of(root, lambda: seen.update(porters()))

    monkeypatch.setattr(porter, "PORTER_WORTH", 10**9)
    assert carried == steps_of(root)
    assert len(seen) == 1
    assert not porters()
    assert descriptors() == before


@pytest.mark.usefixtures("early")
def test_it_is_sent_from_far_below_the_root_too(tmp_path, monkeypatch):
    deepest = tmp_path / "/".join(["d"] * 300)
    deepest.mkdir(parents=True)
    for number in range(100):
        (deepest / f"file-{number}").write_bytes(b"x" * number)
    (tmp_path / "z").write_bytes(b"last")

    carried = steps_of(tmp_path)

    monkeypatch.setattr(porter, "PORTER_WORTH", 10**9)
    assert carried == steps_of(tmp_path)


def test_a_small_tree_gets_none(root):
    seen: set[int] = set()

    steps_of(root, lambda: seen.update(porters()))

    assert not seen


@pytest.mark.usefixtures("early")
def test_it_knows_nothing_of_the_environment(root, monkeypatch):
    monkeypatch.setenv("SECRET", "hidden")
    seen: set[bytes] = set()

    steps_of(root, lambda: seen.update(Path(f"/proc/{pid}/environ").read_bytes() for pid in porters()))

    assert seen
    assert not any(b"hidden" in environment for environment in seen)


@pytest.mark.usefixtures("early")
def test_a_walk_whose_porter_dies_says_so(root):
    for number in range(3000):
        (root / "y").mkdir(exist_ok=True)
        (root / "y" / f"more-{number}").write_bytes(b"x" * 4000)
    before = descriptors()

    with pytest.raises(WalkCutShortError):
        steps_of(root, lambda: [os.kill(pid, signal.SIGKILL) for pid in porters()])

    assert descriptors() == before


@pytest.mark.usefixtures("early")
def test_a_walk_that_is_left_in_the_middle_leaves_nothing_behind(root):
    before = descriptors()

    with files_source(root).open() as found:
        steps = iter(found)
        for _ in range(250):
            next(steps)
        del steps

    assert not porters()
    assert descriptors() == before


def in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the porter's work done by a thread of this process, where what it reads can be changed in time."""

    class Thread:
        def __init__(self, _command: object, *, stdin: int, **_: object) -> None:
            connection = socket.socket(fileno=os.dup(stdin))
            self._connection = connection
            self._thread = threading.Thread(target=self._run)
            self._thread.start()

        def _run(self) -> None:
            with self._connection:
                porter_process.serve(self._connection)

        def kill(self) -> None:
            self._connection.shutdown(socket.SHUT_RDWR)

        def wait(self) -> None:
            self._thread.join()

    monkeypatch.setattr(porter.subprocess, "Popen", Thread)


def written_to_while_read(monkeypatch: pytest.MonkeyPatch, path: Path, *, times: int) -> None:
    left = [times]
    read = os.preadv

    def preadv(descriptor: int, *rest: Any) -> int:
        count = read(descriptor, *rest)
        if left[0] and count and path.samefile(f"/proc/self/fd/{descriptor}"):
            left[0] -= 1
            with path.open("ab") as file:
                file.write(b"more")
        return count

    monkeypatch.setattr(os, "preadv", preadv)


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize(
    ("times", "length", "kind"),
    [(1, 9, None), (2, 13, None), (3, 13, ProblemKind.CHANGED), (9, 13, ProblemKind.CHANGED)],
)
def test_a_file_that_changes_while_it_is_read_is_read_again(root, monkeypatch, times, length, kind):
    path = root / LAST / "z"
    path.write_bytes(b"first")
    in_a_thread(monkeypatch)
    written_to_while_read(monkeypatch, path, times=times)

    (file,) = [told for told in steps_of(root) if told[0] == "file" and told[1].name == b"z"]

    _, entry, whole, _, problem = file
    assert (whole, entry.size) == (b"firstmoremore"[:length], length)
    assert (problem.kind if isinstance(problem, Problem) else None) == kind


def once_listed(monkeypatch: pytest.MonkeyPatch, folder: Path, act: Callable[[], None]) -> None:
    """Do something when the porter has listed the directory, and opened none of its files yet."""
    in_a_thread(monkeypatch)

    def names_by_kind(listed: Folder, others: set[bytes]) -> list[bytes]:
        names = folders.names_by_kind(listed, others)
        if folder.samefile(f"/proc/self/fd/{listed.descriptor}"):
            act()
        return names

    for module in (walk, porter_process):
        monkeypatch.setattr(module, "names_by_kind", names_by_kind)


@pytest.mark.usefixtures("early")
def test_a_file_that_is_gone_before_it_is_opened_is_reported(root, monkeypatch):
    path = root / LAST / "z"
    path.write_bytes(b"x")
    once_listed(monkeypatch, path.parent, path.unlink)

    assert (r"\xff\xfe/z", ProblemKind.VANISHED) in steps_of(root)


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("early", [1], indirect=True)
def test_a_directory_that_is_moved_away_around_it_is_named(tmp_path, monkeypatch):
    deepest = tmp_path / "/".join(["d"] * 100)
    deepest.mkdir(parents=True)
    once_listed(monkeypatch, deepest, lambda: (tmp_path / "d" / "d").rename(tmp_path / "e"))

    with pytest.raises(SourceMovedError, match="d/d was moved"):
        steps_of(tmp_path)


def _to_directory(path: Path) -> None:
    path.mkdir()
    (path / "inside").write_bytes(b"found later")


def _to_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        # The path itself is longer than the address of a socket may be.
        directory = os.open(path.parent, os.O_RDONLY)
        bound.bind(f"/proc/self/fd/{directory}/{path.name}")
        os.close(directory)


def _to_sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 200_000)


TURNS: dict[str, Callable[[Path], object]] = {
    "another file": lambda path: path.write_bytes(b"another"),
    "fifo": os.mkfifo,
    "link out of the tree": lambda path: path.symlink_to("/etc/hostname"),
    "link to a directory": lambda path: path.symlink_to("../b"),
    "directory": _to_directory,
    "socket": _to_socket,
    "one more name of a file": lambda path: path.hardlink_to(path.parent / "file-5"),
    "sparse": _to_sparse,
    "large": lambda path: path.write_bytes(bytes(CARRIED_BYTES + 1)),
    "empty": lambda path: path.touch(),
}


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("early", [90], indirect=True)
@pytest.mark.parametrize("turn", TURNS.values(), ids=TURNS.keys())
def test_what_took_the_place_of_a_listed_file_is_backed_up_as_what_it_is(root, monkeypatch, turn):
    path = root / LAST / "zz"
    path.write_bytes(b"as listed")

    def replace() -> None:
        path.unlink()
        turn(path)

    once_listed(monkeypatch, path.parent, replace)

    carried = steps_of(root)

    monkeypatch.setattr(porter, "PORTER_WORTH", 10**9)
    assert without_times(carried) == without_times(steps_of(root))


def without_times(steps: list[Told]) -> list[Told]:
    """Leave out what a directory looked like, whose times move with the names in it."""
    return [("Enter", step[1].name) if step[0] == "Enter" else step for step in steps]  # type: ignore[attr-defined]  # an entry


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("early", [90], indirect=True)
def test_where_directories_keep_no_types_names_are_looked_up(root, monkeypatch):
    in_a_thread(monkeypatch)
    monkeypatch.setattr(folders, "_is_listed_as_file", lambda _: False)

    carried = steps_of(root)

    monkeypatch.setattr(porter, "PORTER_WORTH", 10**9)
    assert carried == steps_of(root)


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("early", [90], indirect=True)
def test_access_times_stay(root):
    names = [path for path in root.rglob("*") if path.is_file() and not path.is_symlink()]
    for path in names:
        os.utime(path, ns=(10**18, path.stat().st_mtime_ns))

    steps_of(root)

    assert {path.stat().st_atime_ns for path in names} == {10**18}


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("early", [1], indirect=True)
def test_only_what_is_not_a_plain_file_is_looked_up(root, monkeypatch):
    in_a_thread(monkeypatch)
    looked_up: list[bytes] = []
    look_up = FilesWalk._look_up

    def noted(steps: FilesWalk, name: bytes) -> object:
        looked_up.append(name)
        return look_up(steps, name)

    monkeypatch.setattr(FilesWalk, "_look_up", noted)
    (root / "z" / "other-name").unlink()

    steps_of(root)

    folders_and_more = {b"a", b"deep", b"er", b"b", b"b-", b"c", b"skip", b"empty", b"z", b"link", b"fifo"}
    assert set(looked_up) == folders_and_more | {os.fsencode(LAST)}


@contextmanager
def descriptors_left(count: int) -> Iterator[None]:
    """Have this process open so many files more and no others."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(open_descriptors()) + 40, hard))
    filling = []
    try:
        with suppress(OSError):
            while True:
                filling.append(os.dup(0))
        for _ in range(count):
            os.close(filling.pop())
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        for descriptor in filling:
            os.close(descriptor)


def open_descriptors() -> list[int]:
    return [int(path.name) for path in Path("/proc/self/fd").iterdir()]


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("early", [1], indirect=True)
@pytest.mark.parametrize("left", [6, 10])
def test_a_walk_whose_open_files_do_not_all_arrive_says_so(tmp_path, left):
    for number in range(20):
        (tmp_path / f"{number:02}").write_bytes(bytes([number]) * (CARRIED_BYTES + 1))
    before = descriptors()

    with files_source(tmp_path).open() as found:
        steps = iter(found)
        next(steps)
        with descriptors_left(left), pytest.raises(WalkCutShortError, match="files open"):
            [_told(step) for step in steps]

    assert descriptors() == before
