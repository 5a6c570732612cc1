"""The steps of the comparison, each from the state that the one before has left."""

import os
import shutil
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from bench.bucket import running_bucket
from bench.measure import Figures, stored_bytes
from bench.tools import Borg, Restic, Strongroom, Tool, fresh
from bench.tree import one_percent_changed

SETTLING_SECONDS = 61
"""Between the last change of a tree and its first backup: what changed within a minute before one is read again."""


class Step(StrEnum):
    """What is measured."""

    FIRST = "first backup"
    UNCHANGED = "unchanged"
    CHANGED = "1 % changed"
    RESTORE = "restore of all"
    CHECK = "check of all data"
    BUCKET = "first backup to S3"
    SMALL = "small files"
    SMALL_UNCHANGED = "small files, unchanged"


@dataclass(frozen=True, slots=True)
class Scene:
    """Where the measured commands run, and on what."""

    work: Path
    tree: Path
    small: Path
    level: int
    settle: float = SETTLING_SECONDS


@dataclass(slots=True)
class Results:
    """Every run of every step and tool: figures, and the bytes that each step added."""

    figures: dict[tuple[Step, str], list[Figures]] = field(default_factory=dict)
    added: dict[tuple[Step, str], list[int]] = field(default_factory=dict)

    def note(self, step: Step, tool: str, figures: Figures, added: int | None = None) -> None:
        """Keep one run, and show it to whoever waits."""
        self.figures.setdefault((step, tool), []).append(figures)
        if added is not None:
            self.added.setdefault((step, tool), []).append(added)
        print(f"{tool}: {step}: {figures.wall:.2f} s, cpu {figures.cpu:.2f} s", file=sys.stderr, flush=True)


def measure_mixed_tree(scene: Scene, results: Results, steps: set[Step]) -> None:
    """Take every local tool through backup, unchanged backup, changed backup, restore and check of the mixed tree."""
    for tool in (Restic(), Borg(), Strongroom(scene.level)):
        _prepare(tool, scene, scene.tree)
        _back_up(tool, scene, scene.tree, Step.FIRST, results)
        if Step.UNCHANGED in steps:
            _back_up(tool, scene, scene.tree, Step.UNCHANGED, results)
        with one_percent_changed(scene.tree) if Step.CHANGED in steps else nullcontext():
            if Step.CHANGED in steps:
                _back_up(tool, scene, scene.tree, Step.CHANGED, results)
            if Step.RESTORE in steps:
                _restore(tool, scene, results)
        if Step.CHECK in steps:
            os.sync()
            results.note(Step.CHECK, tool.name, tool.check(scene.work))
        _clean(scene)
    if Step.FIRST in steps:
        _measure_without_decoding(scene, results)


def _measure_without_decoding(scene: Scene, results: Results) -> None:
    tool = Strongroom(scene.level, decode=False)
    _prepare(tool, scene, scene.tree)
    _back_up(tool, scene, scene.tree, Step.FIRST, results)
    _clean(scene)


def measure_bucket(scene: Scene, results: Results) -> None:
    """Take restic, and Strongroom decoding and not, through a first backup to an S3 server, new for each."""
    for make in (
        lambda bucket: Restic(bucket=bucket),
        lambda bucket: Strongroom(scene.level, bucket),
        lambda bucket: Strongroom(scene.level, bucket, decode=False),
    ):
        with running_bucket(fresh(scene.work.with_name("bucket"))) as bucket:
            tool: Tool = make(bucket)
            _prepare(tool, scene, scene.tree)
            _even_out(scene.tree)
            results.note(Step.BUCKET, tool.name, tool.backup(scene.work, scene.tree))
            _clean(scene)


def measure_small_files(scene: Scene, results: Results) -> None:
    """Take restic and Strongroom through two backups of many small files."""
    for tool in (Restic(), Strongroom(scene.level)):
        _prepare(tool, scene, scene.small)
        _back_up(tool, scene, scene.small, Step.SMALL, results)
        _back_up(tool, scene, scene.small, Step.SMALL_UNCHANGED, results)
        _clean(scene)


def _prepare(tool: Tool, scene: Scene, tree: Path) -> None:
    fresh(scene.work)
    tool.initialise(scene.work, tree)
    _wait_until_settled(tree, scene.settle)


def _wait_until_settled(tree: Path, seconds: float) -> None:
    newest = max(path.lstat().st_ctime for path in (tree, *tree.rglob("*")))
    time.sleep(max(0.0, newest + seconds - time.time()))


def _even_out(tree: Path) -> None:
    """Write what is dirty and read the tree, so that no tool meets more of it in memory than the others do."""
    os.sync()
    paths = (Path(folder, name) for folder, _, names in os.walk(tree) for name in names)
    for path in paths:
        if path.is_file() and not path.is_symlink():
            path.read_bytes()


def _back_up(tool: Tool, scene: Scene, tree: Path, step: Step, results: Results) -> None:
    before = stored_bytes(tool.stored(scene.work))
    _even_out(tree)
    figures = tool.backup(scene.work, tree)
    results.note(step, tool.name, figures, stored_bytes(tool.stored(scene.work)) - before)


def _restore(tool: Tool, scene: Scene, results: Results) -> None:
    os.sync()
    target = scene.work / "restored"
    results.note(Step.RESTORE, tool.name, tool.restore(scene.work, target))
    _verify(scene.tree, target)
    _set_aside(target)


def _set_aside(target: Path) -> None:
    """Keep a restored tree until the benchmark ends.

    For minutes after 100,000 files were removed, ext4 steps over their inodes whenever one is made (`recently_deleted`
    in its source), which made the restores of every tool but the first up to four times slower.
    """
    kept = target.parent.with_name("kept")
    kept.mkdir(exist_ok=True)
    target.rename(kept / str(len(list(kept.iterdir()))))


def _verify(tree: Path, restored: Path) -> None:
    """Check that the restored copy, wherever below `restored` the tool put it, has every file with the same bytes."""
    roots = [path for path in restored.rglob(tree.name) if path.is_dir() and (path / "small").is_dir()]
    root = roots[0] if roots else restored
    subprocess.run(["diff", "-r", "--no-dereference", tree, root], check=True, stdout=subprocess.DEVNULL)


def _clean(scene: Scene) -> None:
    shutil.rmtree(scene.work)
    os.sync()
