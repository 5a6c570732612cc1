"""`python -m bench.reencrypt`: re-encryption beside what PostgreSQL can do by itself, in the same run."""

import argparse
import json
import os
import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from bench.measure import BenchmarkError
from bench.vault import BATCH, Vault, new_vault
from strongroom.columns.place import TokenFormat
from strongroom.rotation.pace import Pace

GCM, FERNET = TokenFormat.AES_GCM, TokenFormat.FERNET
SPEED = Pace(batch_size=BATCH, commit_every=BATCH, parallel=2, vacuum_percent=0)
USUAL = Pace(parallel=1)
GENTLE = replace(USUAL, max_rows=200)
ORM_ROWS = 100_000
HOT = 2_000
SETTLING_SECONDS = 4.0


@dataclass(frozen=True, slots=True)
class Figure:
    """What was measured, what it is compared with, the ratio, and the goal; `at_least` says which way it goes."""

    name: str
    value: str
    against: str
    ratio: float
    goal: float
    at_least: bool = True

    def row(self) -> str:
        """Return the line of the table."""
        met = self.ratio >= self.goal if self.at_least else self.ratio <= self.goal
        sign = ">=" if self.at_least else "<="
        verdict = "met" if met else "missed"
        return f"| {self.name} | {self.value} | {self.against} | {self.ratio:.2f} | {sign} {self.goal} | {verdict} |"


def main() -> None:
    """Measure everything and print a Markdown table; each ratio is of two passes that followed each other."""
    options = _options()
    wanted = list(PARTS) if options.parts is None else options.parts.split(",")
    with (
        tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=options.dir) as folder,
        new_vault(Path(folder), options.rows) as vault,
    ):
        print(f"{options.rows} rows of 60 bytes, batches of {BATCH}, medians of {options.runs} runs", flush=True)
        print("| pass | figure | against | ratio | goal | |\n|---|---|---|---|---|---|", flush=True)
        for name in wanted:
            for figure in PARTS[name](vault, options):
                print(figure.row(), flush=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=10.0, help="how long writers write")
    parser.add_argument("--parts", help=f"some of {', '.join(PARTS)}; all by default")
    parser.add_argument("--dir", type=Path, help="where the work folder goes; a short path, there are sockets in it")
    return parser.parse_args()


def _speed(name: str, before: TokenFormat, after: TokenFormat, workers: int, goal: float) -> "Part":
    def measure(vault: Vault, options: argparse.Namespace) -> Iterator[Figure]:
        ratios, rates, limits = [], [], []
        for _ in range(options.runs):
            vault.refill(before)
            limits.append(vault.measure_limit(workers).rate)
            vault.refill(before)
            rates.append(vault.measure_campaign(after, SPEED, workers).rate)
            ratios.append(rates[-1] / limits[-1])
        limit = f"{statistics.median(limits):.0f} rows/s of PostgreSQL itself"
        yield Figure(name, f"{statistics.median(rates):.0f} rows/s", limit, statistics.median(ratios), goal)

    return measure


def _orm(vault: Vault, options: argparse.Namespace) -> Iterator[Figure]:
    rows = min(ORM_ROWS, options.rows)
    ratios, naive, ours = [], [], []
    for _ in range(options.runs):
        vault.refill(FERNET)
        naive.append(vault.measure_orm(rows).rate)
        vault.refill(FERNET)
        ours.append(vault.measure_campaign(FERNET, SPEED).rate)
        ratios.append(ours[-1] / naive[-1])
    against = f"{statistics.median(naive):.0f} rows/s of the ORM loop"
    yield Figure(
        "Fernet to Fernet, 1 worker", f"{statistics.median(ours):.0f} rows/s", against, statistics.median(ratios), 2.2
    )


def _growth(vault: Vault, _: argparse.Namespace) -> Iterator[Figure]:
    for percent, goal in ((10, 1.15), (0, 2.0)):
        vault.refill(GCM)
        before = vault.sizes()
        done = vault.measure_campaign(GCM, replace(SPEED, parallel=1, vacuum_percent=percent))
        for what, old, new in zip(("table", "table with its indexes"), before, vault.sizes(), strict=True):
            name = f"growth of the {what}" + ("" if percent else ", no vacuum on the way")
            size = f"{old / 1e6:.0f} to {new / 1e6:.0f} MB at {done.rate:.0f} rows/s"
            yield Figure(name, size, "size before", new / old, goal, at_least=False)


def _writers(vault: Vault, options: argparse.Namespace) -> Iterator[Figure]:
    alone: list[float] = []
    for name, pace, goal in (("unthrottled", USUAL, 1.5), ("throttled", GENTLE, 1.2)):
        beside, ratios = [], []
        for _ in range(options.runs):
            _refill_and_settle(vault)
            alone.append(_p99(vault, options.seconds))
            beside.append(_p99_beside(vault, pace, options.seconds))
            ratios.append(beside[-1] / alone[-1])
        against = f"{statistics.median(alone):.2f} ms without"
        value = f"{statistics.median(beside):.2f} ms"
        yield Figure(f"writers' p99, {name} job", value, against, statistics.median(ratios), goal, at_least=False)


def _refill_and_settle(vault: Vault) -> None:
    """Fill the table and have the disk done with it, so that it does not disturb who is measured next."""
    vault.refill(GCM)
    os.sync()
    _p99(vault, SETTLING_SECONDS)


def _p99(vault: Vault, seconds: float) -> float:
    with vault.racing(vault.writers(seconds, HOT)) as writers:
        return _said(writers)


def _p99_beside(vault: Vault, pace: Pace, seconds: float) -> float:
    """Return the figure of writers while a re-encryption goes on."""
    number = vault.request(GCM, pace)
    with vault.racing([vault.worker(number), *vault.writers(seconds, HOT)]) as (worker, *writers):
        p99 = _said(writers)
        if worker.poll() is not None:
            print("(the job was over before the writers)", flush=True)
    vault.forget(number)
    return p99


def _said(writers: list[subprocess.Popen[str]]) -> float:
    """Return the 99th percentile, in milliseconds, of all writes."""
    waits: list[float] = []
    for writer in writers:
        line = writer.stdout.readline() if writer.stdout else ""
        if not line:
            raise BenchmarkError("A writer ended without a figure.")
        waits += json.loads(line)
    return statistics.quantiles(waits, n=100)[98]


Part = Callable[[Vault, argparse.Namespace], Iterator[Figure]]
PARTS: dict[str, Part] = {
    "gcm": _speed("AES-256-GCM to AES-256-GCM, 1 worker", GCM, GCM, 1, 0.55),
    "gcm2": _speed("AES-256-GCM to AES-256-GCM, 2 workers", GCM, GCM, 2, 0.50),
    "fernet": _speed("Fernet to Fernet, 1 worker", FERNET, FERNET, 1, 0.24),
    "orm": _orm,
    "migration": _speed("Fernet to AES-256-GCM, 1 worker", FERNET, GCM, 1, 0.40),
    "growth": _growth,
    "writers": _writers,
}

if __name__ == "__main__":
    main()
