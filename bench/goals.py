"""What the figures must be, and whether they are."""

import statistics
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from bench.measure import Figures, median
from bench.steps import Results, Step
from bench.tools import NOT_DECODING, OWN

PEAK_MIB = 256e6 / (1 << 20)
UNCHANGED_BYTES = 4096


@dataclass(frozen=True, slots=True)
class Goal:
    """One figure of one step must be at most so many times that of a peer."""

    step: Step
    figure: str
    peer: str
    at_most: float
    tool: str = OWN


GOALS = (
    Goal(Step.FIRST, "wall", "restic", 0.45),
    Goal(Step.FIRST, "wall", "borg lz4", 0.50),
    Goal(Step.FIRST, "cpu", "restic", 0.42),
    Goal(Step.FIRST, "cpu", "borg lz4", 0.75),
    Goal(Step.FIRST, "wall", "restic", 0.45, NOT_DECODING),
    Goal(Step.FIRST, "wall", "borg lz4", 0.50, NOT_DECODING),
    Goal(Step.FIRST, "cpu", "restic", 0.42, NOT_DECODING),
    Goal(Step.FIRST, "cpu", "borg lz4", 0.75, NOT_DECODING),
    Goal(Step.FIRST, "added", "restic", 0.97),
    Goal(Step.FIRST, "added", "borg lz4", 0.80),
    Goal(Step.UNCHANGED, "wall", "restic", 0.35),
    Goal(Step.UNCHANGED, "wall", "borg lz4", 0.25),
    Goal(Step.CHANGED, "wall", "restic", 0.40),
    Goal(Step.CHANGED, "wall", "borg lz4", 0.25),
    Goal(Step.CHANGED, "added", "restic", 1.0),
    Goal(Step.RESTORE, "wall", "restic", 0.65),
    Goal(Step.RESTORE, "wall", "borg lz4", 0.40),
    Goal(Step.CHECK, "wall", "restic", 0.60),
    Goal(Step.BUCKET, "wall", "restic", 0.50),
    Goal(Step.BUCKET, "wall", "restic", 0.50, NOT_DECODING),
    Goal(Step.SMALL, "wall", "restic", 1.0),
    Goal(Step.SMALL_UNCHANGED, "wall", "restic", 0.50),
)

_FIGURES: dict[str, Callable[[Figures], float]] = {"wall": lambda one: one.wall, "cpu": lambda one: one.cpu}


def figures_table(results: Results) -> Iterator[str]:
    """Yield a Markdown table of every step: medians, and ratios against the first tool of the step."""
    yield "| step | tool | wall s | x | cpu s | x | peak MiB | added MB |"
    yield "|---|---|---|---|---|---|---|---|"
    for step in Step:
        runs = {tool: median(figures) for (at, tool), figures in results.figures.items() if at is step}
        first = next(iter(runs.values()), None)
        for tool, one in runs.items():
            assert first is not None
            wall = f"{one.wall:.2f} | {one.wall / first.wall:.2f}"
            cpu = f"{one.cpu:.2f} | {one.cpu / first.cpu:.2f}"
            added = f"{_added(results, step, tool) / 1e6:.3f}" if (step, tool) in results.added else ""
            yield f"| {step} | {tool} | {wall} | {cpu} | {one.rss_mib:.0f} | {added} |"


def goals_table(results: Results) -> Iterator[str]:
    """Yield a Markdown table of the goals whose steps were measured."""
    yield "| goal | tool | against | at most | measured | |"
    yield "|---|---|---|---|---|---|"
    for goal in GOALS:
        if (goal.step, goal.tool) in results.figures and (goal.step, goal.peer) in results.figures:
            ratio = _value(results, goal, goal.tool) / _value(results, goal, goal.peer)
            yield _row(f"{goal.step}, {goal.figure}", goal, ratio)
    peak = max((run.rss_mib for (_, tool), runs in results.figures.items() if tool == OWN for run in runs), default=0)
    yield _limit("peak memory, MiB", PEAK_MIB, peak)
    if (Step.UNCHANGED, OWN) in results.added:
        yield _limit("unchanged, added bytes", UNCHANGED_BYTES, _added(results, Step.UNCHANGED, OWN))


def _value(results: Results, goal: Goal, tool: str) -> float:
    if goal.figure == "added":
        return _added(results, goal.step, tool)
    return statistics.median(map(_FIGURES[goal.figure], results.figures[goal.step, tool]))


def _added(results: Results, step: Step, tool: str) -> float:
    return statistics.median(results.added[step, tool])


def _row(name: str, goal: Goal, measured: float) -> str:
    return f"| {name} | {goal.tool} | {goal.peer} | {_judged(goal.at_most, measured)}"


def _limit(name: str, at_most: float, measured: float) -> str:
    return f"| {name} | {OWN} | | {_judged(at_most, measured)}"


def _judged(at_most: float, measured: float) -> str:
    verdict = "met" if measured <= at_most else "**missed**"
    return f"{at_most:g} | {measured:.4g} | {verdict} |"
