"""A walk that a porter goes on with brings the same steps and bytes as one alone, or says that it was cut short."""

import gc
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from strongroom.sources.errors import WalkCutShortError
from strongroom.sources.files import porter, porter_process
from strongroom.sources.files.content import OpenFile
from strongroom.sources.files.loads import CARRIED_BYTES
from strongroom.sources.files.porter import Carriage
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
    with files_source(root, exclude=["skip"]).open() as walk:
        told = [_told(step) for step in _each(walk, meanwhile)]
        return told + sorted([(problem.path, problem.kind) for problem in walk.problems()])


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

    with files_source(root).open() as walk:
        steps = iter(walk)
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
    read = OpenFile.readinto

    def readinto(opened: OpenFile, view: memoryview) -> int:
        count = read(opened, view)
        if left[0] and count and opened.entry.name == os.fsencode(path.name):
            left[0] -= 1
            with path.open("ab") as file:
                file.write(b"more")
        return count

    monkeypatch.setattr(OpenFile, "readinto", readinto)


@pytest.mark.usefixtures("early")
@pytest.mark.parametrize("times", [1, 2])
def test_a_file_that_changes_while_it_is_read_is_read_once_more(root, monkeypatch, times):
    path = root / LAST / "z"
    path.write_bytes(b"first")
    in_a_thread(monkeypatch)
    written_to_while_read(monkeypatch, path, times=times)

    (file,) = [told for told in steps_of(root) if told[0] == "file" and told[1].name == b"z"]

    _, entry, whole, _, problem = file
    assert (whole, entry.size) == (b"firstmore", 9)
    assert (problem.kind if isinstance(problem, Problem) else None) == (ProblemKind.CHANGED if times == 2 else None)


@pytest.mark.usefixtures("early")
def test_a_file_that_is_gone_before_it_is_opened_is_reported(root, monkeypatch):
    path = root / LAST / "z"
    path.write_bytes(b"x")
    in_a_thread(monkeypatch)
    come_to = porter_process.ReadAhead.come_to

    def gone(ahead: object, size: int, course: object) -> None:
        if size == 1:
            path.unlink(missing_ok=True)
        come_to(ahead, size, course)  # type: ignore[arg-type]  # passed on as it came

    monkeypatch.setattr(porter_process.ReadAhead, "come_to", gone)

    assert (r"\xff\xfe/z", ProblemKind.VANISHED) in steps_of(root)
