"""`python -m bench.backup`: backups, restores and checks, side by side with restic and borg on the same data."""

import argparse
import tempfile
from pathlib import Path

from bench.goals import figures_table, goals_table
from bench.steps import SETTLING_SECONDS, Results, Scene, Step, measure_bucket, measure_mixed_tree, measure_small_files
from bench.tree import make_small_files, make_tree

MIB = 1500
SMALL_FILES = 100_000
SMALL_STEPS = {Step.SMALL, Step.SMALL_UNCHANGED}
TREE_STEPS = set(Step) - SMALL_STEPS - {Step.BUCKET}


def main() -> None:
    """Measure, and print Markdown tables of the figures and of the goals."""
    options = _options()
    steps = set(options.steps)
    with tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=options.dir) as folder:
        scene = Scene(Path(folder, "work"), Path(folder, "tree"), Path(folder, "small"), options.level, options.settle)
        _make_data(scene, steps, options.scale)
        results = Results()
        for _ in range(options.runs):
            _measure(scene, results, steps)
    print(f"\nMedians of {options.runs} runs.\n")
    print("\n".join(figures_table(results)), end="\n\n")
    print("\n".join(goals_table(results)))


def _make_data(scene: Scene, steps: set[Step], scale: float) -> None:
    if steps - SMALL_STEPS:
        files, size = make_tree(scene.tree, int(MIB * scale) << 20)
        print(f"Mixed tree: {files} files, {size / 1e6:.0f} MB.", flush=True)
    if steps & SMALL_STEPS:
        files, size = make_small_files(scene.small, int(SMALL_FILES * scale))
        print(f"Small files: {files}, {size / 1e6:.0f} MB.", flush=True)


def _measure(scene: Scene, results: Results, steps: set[Step]) -> None:
    if steps & TREE_STEPS:
        measure_mixed_tree(scene, results, steps)
    if Step.BUCKET in steps:
        measure_bucket(scene, results)
    if steps & SMALL_STEPS:
        measure_small_files(scene, results)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full size, such as 0.1 for a quick look")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--level", type=int, default=1, help="zstd level of Strongroom")
    parser.add_argument("--settle", type=float, default=SETTLING_SECONDS, help="seconds from making data to reading it")
    parser.add_argument("--dir", type=Path, help="where the work folder goes; a dozen times the tree's size")
    parser.add_argument("--steps", type=_steps, default=list(Step), help="names of steps, separated by semicolons")
    return parser.parse_args()


def _steps(text: str) -> list[Step]:
    return [Step(name.strip()) for name in text.split(";")]


if __name__ == "__main__":
    main()
