"""`python -m bench.backup`: backups, a check and a restore of a mixed tree, side by side with restic and borg."""

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import Figures, median, stored_bytes
from bench.tools import Borg, Restic, Strongroom, Tool, fresh
from bench.tree import change_tree, make_tree

STEPS = ("first backup", "unchanged", "1 % changed", "check all data", "restore")


@dataclass(slots=True)
class Series:
    """All runs of one tool: figures by step, and the bytes that each backup added."""

    tool: Tool
    figures: dict[str, list[Figures]] = field(default_factory=lambda: {step: [] for step in STEPS})
    added: dict[str, int] = field(default_factory=dict)


def main() -> None:
    """Measure and print a Markdown table; ratios are against the first tool."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=options.dir) as folder:
        tree = Path(folder, "tree")
        files, size = make_tree(tree, options.mib << 20)
        print(f"tree: {files} files, {size / 1e6:.0f} MB; {options.runs} runs; medians", flush=True)
        series = [Series(tool) for tool in _tools(level=options.level)]
        for run in range(options.runs):
            for number, one in enumerate(series):
                _measure(one, Path(folder, "work"), tree, seed=run * len(series) + number)
        print("\n".join(_table(series)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--mib", type=int, default=1500, help="size of the tree")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--level", type=int, default=1, help="zstd level of Strongroom")
    parser.add_argument("--dir", type=Path, help="where the work folder goes; several times the tree's size")
    return parser.parse_args()


def _tools(*, level: int) -> list[Tool]:
    """Restic 0.14 has no level 1: `auto` is its default and near zstd 3; borg takes the level as it is."""
    return [Restic("auto"), Borg(f"zstd,{level}"), Borg("lz4"), Strongroom(level)]


def _measure(series: Series, work: Path, tree: Path, *, seed: int) -> None:
    """Run one tool from an empty repository, with the disk quiet before each measured command."""
    fresh(work)
    tool = series.tool
    tool.initialise(work, tree)
    _step(series, "first backup", work, lambda: tool.backup(work, tree))
    _step(series, "unchanged", work, lambda: tool.backup(work, tree))
    change_tree(tree, seed)
    _step(series, "1 % changed", work, lambda: tool.backup(work, tree))
    _step(series, "check all data", work, lambda: tool.check(work))
    _step(series, "restore", work, lambda: tool.restore(work, work / "restored"))
    _verify(tree, work / "restored")
    shutil.rmtree(work)


def _step(series: Series, step: str, work: Path, command: Callable[[], Figures]) -> None:
    os.sync()
    before = stored_bytes(series.tool.stored(work))
    series.figures[step].append(command())
    series.added[step] = stored_bytes(series.tool.stored(work)) - before


def _verify(tree: Path, restored: Path) -> None:
    """Check that the restored copy, wherever below `restored` the tool put it, has every file with the same bytes."""
    roots = [path for path in restored.rglob(tree.name) if path.is_dir() and (path / "small").is_dir()]
    root = roots[0] if roots else restored
    subprocess.run(["diff", "-r", "--no-dereference", tree, root], check=True, stdout=subprocess.DEVNULL)


def _table(series: Sequence[Series]) -> Iterator[str]:
    yield "| tool | step | wall s | x | cpu s | x | peak MiB | added kB | x |"
    yield "|---|---|---|---|---|---|---|---|---|"
    first = series[0]
    for step in STEPS:
        for one in series:
            added = _added(one.added[step], first.added[step])
            yield _row(one.tool.name, step, median(one.figures[step]), median(first.figures[step]), added)


def _added(added: int, against: int) -> str:
    return f"{added / 1e3:.1f} | {added / against:.2f}" if added > 0 and against > 0 else " | "


def _row(tool: str, step: str, figures: Figures, against: Figures, added: str) -> str:
    wall = f"{figures.wall:.2f} | {figures.wall / against.wall:.2f}"
    cpu = f"{figures.cpu:.2f} | {figures.cpu / against.cpu:.2f}"
    return f"| {tool} | {step} | {wall} | {cpu} | {figures.rss_mib:.0f} | {added} |"


if __name__ == "__main__":
    main()
