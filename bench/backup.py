"""`python -m bench.backup`: first backup and restore of a mixed tree, side by side with restic and borg."""

import argparse
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.measure import Figures, median, stored_bytes
from bench.tools import Borg, Restic, Strongroom, Tool, fresh
from bench.tree import make_tree


@dataclass(slots=True)
class Series:
    """All runs of one tool."""

    tool: Tool
    backups: list[Figures] = field(default_factory=list)
    restores: list[Figures] = field(default_factory=list)
    stored: int = 0


def main() -> None:
    """Measure and print a Markdown table; ratios are against the first tool."""
    options = _options()
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=options.dir) as folder:
        tree = Path(folder, "tree")
        files, size = make_tree(tree, options.mib << 20)
        print(f"tree: {files} files, {size / 1e6:.0f} MB; {options.runs} runs; medians", flush=True)
        series = [Series(tool) for tool in _tools(level=options.level)]
        for _ in range(options.runs):
            for one in series:
                _measure(one, Path(folder, "work"), tree)
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


def _measure(series: Series, work: Path, tree: Path) -> None:
    """Run one tool from an empty repository, with the disk quiet before each measured command."""
    fresh(work)
    series.tool.initialise(work, tree)
    os.sync()
    series.backups.append(series.tool.backup(work, tree))
    os.sync()
    series.stored = stored_bytes(series.tool.stored(work))
    series.restores.append(series.tool.restore(work, work / "restored"))
    _verify(tree, work / "restored")
    shutil.rmtree(work)
    os.sync()


def _verify(tree: Path, restored: Path) -> None:
    """Check that the restored copy, wherever below `restored` the tool put it, has every file with the same bytes."""
    roots = [path for path in restored.rglob(tree.name) if path.is_dir() and (path / "small").is_dir()]
    root = roots[0] if roots else restored
    subprocess.run(["diff", "-r", "--no-dereference", tree, root], check=True, stdout=subprocess.DEVNULL)


def _table(series: Sequence[Series]) -> Iterator[str]:
    yield "| tool | step | wall s | x | cpu s | x | peak MiB | stored MB | x |"
    yield "|---|---|---|---|---|---|---|---|---|"
    first = series[0]
    for one in series:
        stored = f"{one.stored / 1e6:.1f} | {one.stored / first.stored:.2f}"
        yield _row(one.tool.name, "first backup", median(one.backups), median(first.backups), stored)
    for one in series:
        yield _row(one.tool.name, "restore", median(one.restores), median(first.restores), " | ")


def _row(tool: str, step: str, figures: Figures, against: Figures, stored: str) -> str:
    wall = f"{figures.wall:.2f} | {figures.wall / against.wall:.2f}"
    cpu = f"{figures.cpu:.2f} | {figures.cpu / against.cpu:.2f}"
    return f"| {tool} | {step} | {wall} | {cpu} | {figures.rss_mib:.0f} | {stored} |"


if __name__ == "__main__":
    main()
