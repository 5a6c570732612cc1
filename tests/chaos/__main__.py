"""`python -m tests.chaos`: storms by seed, each reported, none forgiven."""

import argparse
import shutil
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from tests.chaos.brokers import BrokerKind
from tests.chaos.storm import Plan, Report, storm

PARTS = ("lost", "duplicates", "violations", "unsuccessful", "disagreements")
MOST_LINES = 20


def main() -> int:
    """Run the storms that the command line asks for; 1 when one of them was not weathered."""
    options = _options()
    failed = [seed for seed in options.seed if not _weathers(_plan(seed, options))]
    for seed in failed:
        figures = f"--jobs {options.jobs} --faults {options.faults} --seconds {options.seconds:.0f}"
        say(f"repeat it: python -m tests.chaos --seed {seed} --broker {options.broker} {figures}")
    return 1 if failed else 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, nargs="+", default=[1, 2], help="one storm for each (default: 1 2)")
    parser.add_argument("--broker", type=BrokerKind, default=BrokerKind.VALKEY, choices=list(BrokerKind))
    parser.add_argument("--jobs", type=int, default=400, help="jobs, copies included (default: 400)")
    parser.add_argument("--faults", type=int, default=160, help="faults (default: 160)")
    parser.add_argument("--seconds", type=float, default=200, help="for how long they strike (default: 200)")
    return parser.parse_args()


def _plan(seed: int, options: argparse.Namespace) -> Plan:
    return Plan(seed, options.jobs, options.faults, options.seconds, options.broker)


def _weathers(plan: Plan) -> bool:
    directory = Path(tempfile.mkdtemp(prefix="storm-"))
    # Servers that run as another user pass through it.
    directory.chmod(0o711)
    report = storm(directory, plan, say)
    show(report)
    if report.passed:
        shutil.rmtree(directory)
    else:
        say(f"everything is kept in {directory}, the logs in {directory / 'logs'}")
    return report.passed


def show(report: Report) -> None:
    """Print a report."""
    _counts("faults", report.faults)
    _counts("jobs", {f"{kind} {state}": count for (kind, state), count in report.jobs.items()})
    _counts("effects", report.effects)
    _counts("starts again", report.restarts)
    for part in PARTS:
        found: tuple[str, ...] = getattr(report, part)
        say(f"{part}: {len(found)}")
        for line in found[:MOST_LINES]:
            say(f"  {line}")
    say("WEATHERED" if report.passed else "NOT WEATHERED")


def _counts(title: str, counts: Mapping[str, int]) -> None:
    words = ", ".join(f"{name} {count}" for name, count in sorted(counts.items()))
    say(f"{title}: {sum(counts.values())} ({words})")


def say(text: str) -> None:
    """Print a line at once."""
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main())
