"""A walk with a lookout takes the same steps as one without, whatever happens to tree and lookout meanwhile."""

import os
import signal
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from strongroom.sources.files.folders import FolderStack, names_anew
from strongroom.sources.files.walk import LOOKOUT_WORTH
from strongroom.tree.content import Item, Leave, Problem, Status, is_sparing
from tests.unit.sources.trees import by_one, files_source

FILES = 40
CROWD = {b"%05d" % number for number in range(20_000)}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for folder in ("a/deep/er", "b", "b-", "c/skip", "empty", os.fsdecode(b"\xff\xfe")):
        (tmp_path / folder).mkdir(parents=True)
        for number in range(FILES):
            (tmp_path / folder / f"file-{number}").write_bytes(b"x" * number)
    (tmp_path / "z").hardlink_to(tmp_path / "b" / "file-3")
    (tmp_path / "link").symlink_to("b")
    os.mkfifo(tmp_path / "c" / "fifo")
    return tmp_path


def steps_of(root: Path, expected: int, meanwhile: Callable[[bytes], None] | None = None) -> list[object]:
    """Walk with every file of odd size recognised; `meanwhile` is called with every name asked about."""
    steps: list[object] = []

    def recognise(name: bytes, status: Status) -> bool:
        steps.append((name, status.st_size, status.st_mtime_ns, status.st_ino))
        if meanwhile is not None:
            meanwhile(name)
        return status.st_size % 2 == 1

    with files_source(root, exclude=["skip"]).open() as walk:
        assert is_sparing(walk)
        walk.spare(by_one(recognise), expected)
        for step in walk:
            steps.append("leave" if isinstance(step, Leave) else (step.entry.name, step.entry.type, step.entry.size))
        steps += walk.problems()
    return steps


def lookouts() -> list[int]:
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(child) for child in children if b"lookout" in Path(f"/proc/{child}/cmdline").read_bytes()]


def once(action: Callable[[], None], at: int) -> Callable[[bytes], None]:
    calls = []

    def act(name: bytes) -> None:
        calls.append(name)
        if len(calls) == at:
            action()

    return act


def test_the_steps_are_the_same(root):
    seen = []

    told = steps_of(root, LOOKOUT_WORTH, once(lambda: seen.extend(lookouts()), at=1))

    assert told == steps_of(root, 0)
    assert len(seen) == 1
    assert not lookouts()


def test_a_small_tree_gets_none(root):
    seen = []

    steps_of(root, LOOKOUT_WORTH - 1, once(lambda: seen.extend(lookouts()), at=1))

    assert not seen


def test_it_knows_nothing_of_the_environment(root, monkeypatch):
    monkeypatch.setenv("SECRET", "hidden")
    seen = []

    def look() -> None:
        seen.extend(Path(f"/proc/{pid}/environ").read_bytes() for pid in lookouts())

    steps_of(root, LOOKOUT_WORTH, once(look, at=1))

    assert len(seen) == 1
    assert b"hidden" not in seen[0]


@pytest.mark.parametrize("at", [1, FILES + 7, 4 * FILES])
def test_a_walk_whose_lookout_dies_goes_on_alone(root, at):
    for number in range(3000):
        (root / "a" / f"more-{number}").write_bytes(b"xx")

    def kill() -> None:
        for pid in lookouts():
            os.kill(pid, signal.SIGKILL)

    assert steps_of(root, LOOKOUT_WORTH, once(kill, at)) == steps_of(root, 0)


def test_names_are_complete_whatever_was_listed_through_a_duplicate_of_the_descriptor(tmp_path):
    names = sorted(b"%05d" % number for number in range(5000))
    for name in names:
        (tmp_path / os.fsdecode(name)).touch()
    descriptor = os.open(tmp_path, os.O_RDONLY)
    with FolderStack.at_root(descriptor) as folders, os.scandir(os.dup(descriptor)) as other:
        next(other)

        assert names_anew(folders.current) == names[::-1]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A directory of so many names that listing it takes a while; nobody changes it."""
    root = tmp_path_factory.mktemp("crowd")
    for name in CROWD:
        (root / os.fsdecode(name)).touch()
    return root


@pytest.mark.parametrize("delay", [0.05, 0.08, 0.1, 0.12])
def test_a_lookout_that_is_killed_while_it_lists_the_root_hides_no_name(crowd, delay):
    with files_source(crowd).open() as walk:
        assert is_sparing(walk)
        walk.spare(lambda _names, _statuses: 0, LOOKOUT_WORTH)
        time.sleep(delay)
        for pid in lookouts():
            os.kill(pid, signal.SIGKILL)
        found = {step.entry.name for step in walk if isinstance(step, Item)}

    assert found == CROWD


def test_a_directory_that_became_another_is_listed_anew(root):
    def exchange() -> None:
        (root / "b").rename(root / "c" / "skip" / "old")
        (root / "b").mkdir()
        (root / "b" / "new").write_bytes(b"1")

    steps = steps_of(root, LOOKOUT_WORTH, once(exchange, at=1))

    names = [step[0] for step in steps if isinstance(step, tuple)]
    assert b"new" in names
    assert names.count(b"file-5") == 4
    assert names.index(b"new") < names.index(b"b-")


def test_a_directory_that_is_gone_is_left_out_with_what_was_told_of_it(root):
    def remove() -> None:
        (root / "b").rename(root / "c" / "skip" / "old")

    steps = steps_of(root, LOOKOUT_WORTH, once(remove, at=1))

    assert [step.path for step in steps if isinstance(step, Problem)] == ["b"]
    assert [step for step in steps if not isinstance(step, Problem)] == steps_of(root, 0)
