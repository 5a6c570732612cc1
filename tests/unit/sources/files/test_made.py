"""On the way back up through what was made, a restore keeps to its own directories, whoever moves them."""

import os
import stat
from pathlib import Path

import pytest

from strongroom.sources.errors import TargetConflictError
from strongroom.sources.files.target import FilesTarget
from strongroom.tree.entry import Entry, EntryType
from tests.unit.sources.unprivileged import open_to_nobody, unprivileged

DEPTH = 80


def path_at(level: int) -> bytes:
    return b"/".join([b"d"] * level)


def announce(target: FilesTarget, mode: int) -> None:
    target.prepare()
    for level in range(1, DEPTH + 1):
        target.make(path_at(level), Entry(b"d", EntryType.DIRECTORY, mode, os.geteuid(), os.getegid(), mtime_ns=level))


@pytest.mark.parametrize("level", [5, 8, 13])
def test_a_directory_that_is_moved_away_is_not_followed_upwards(tmp_path: Path, level: int) -> None:
    """Its rights and times would go to whatever directory it lies in now."""
    (tmp_path / "elsewhere").mkdir(mode=0o750)
    left = DEPTH - level

    def move_away() -> None:
        nonlocal left
        if left == 0:
            (tmp_path / "target" / os.fsdecode(path_at(level))).rename(tmp_path / "elsewhere" / "d")
        left -= 1

    with FilesTarget(tmp_path / "target", overwrite=False) as target:
        announce(target, 0o700)
        with pytest.raises(TargetConflictError, match="moved"):
            target.finish(move_away)

    assert stat.S_IMODE((tmp_path / "elsewhere").stat().st_mode) == 0o750


def test_directories_that_nobody_may_enter_are_finished_all_the_same() -> None:
    with open_to_nobody() as room, unprivileged():
        with FilesTarget(room / "target", overwrite=False) as target:
            announce(target, 0o400)
            assert target.finish() == []

        place = room / "target"
        for level in range(1, DEPTH + 1):
            place /= "d"
            assert (stat.S_IMODE(place.stat().st_mode), place.stat().st_mtime_ns) == (0o400, level)
            place.chmod(0o700)


def test_a_directory_whose_parent_was_not_made_is_reported(tmp_path: Path) -> None:
    with FilesTarget(tmp_path / "target", overwrite=False) as target:
        target.prepare()
        (tmp_path / "target" / "planted").mkdir()
        target.make(b"a", Entry(b"a", EntryType.DIRECTORY, 0o700))
        target.make(b"planted/b", Entry(b"b", EntryType.DIRECTORY, 0o700))
        problems = target.finish()

    assert ("planted/b", "unsupported") in {(problem.path, problem.kind.value) for problem in problems}
