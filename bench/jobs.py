"""`python -m bench.jobs`: jobs through API, ledger, broker and worker, beside bare Celery tasks in the same run."""

import argparse
import statistics
import tempfile
import time
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench.bare import publisher
from bench.measure import BenchmarkError
from bench.site import Site, new_site, wait_until
from strongroom.jobs.kinds import JobKind, Queue
from strongroom.jobs.outbox import JobMessage

BATCH = 500
QUEUE = Queue.MAINTENANCE


@dataclass(frozen=True, slots=True)
class Rates:
    """One run, in jobs a second: taken by the sender's side, and from the first sent to the last finished."""

    accepted: float
    finished: float


def main() -> None:
    """Measure both sides by turns and print a Markdown table; ratios are against bare Celery."""
    options = _options()
    with (
        tempfile.TemporaryDirectory(prefix="strongroom-bench-", dir=options.dir) as folder,
        new_site(Path(folder)) as site,
    ):
        print(f"{options.jobs} jobs a run, {options.runs} runs, medians; 2 worker processes", flush=True)
        bare, ledger = [], []
        for _ in range(options.runs):
            bare.append(_measure_bare(site, options.jobs))
            ledger.append(_measure_ledger(site, options.jobs))
            print(f"finished/s: {bare[-1].finished:.0f} bare, {ledger[-1].finished:.0f} ledger", flush=True)
        print("\n".join(_table(bare, ledger, options.jobs)))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--jobs", type=int, default=10_000, help="jobs of one burst")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--dir", type=Path, help="where the work folder goes; a short path, there are sockets in it")
    return parser.parse_args()


def _measure_bare(site: Site, jobs: int) -> Rates:
    """Send tasks that do nothing, as the service sends a job's message, and wait until all are acknowledged."""
    send = publisher(site.broker.url)
    with site.bare_worker():
        begin = time.monotonic()
        for _ in range(jobs):
            send(JobMessage(uuid.uuid4(), JobKind.QUEUE_PROBE, QUEUE, JobKind.QUEUE_PROBE.route.priority, "0" * 32))
        accepted = time.monotonic() - begin
        wait_until(lambda: site.unanswered() == 0)
        return Rates(jobs / accepted, jobs / (time.monotonic() - begin))


def _measure_ledger(site: Site, jobs: int) -> Rates:
    """Have the API take probes in batches, and wait until every one has ended well in the ledger."""
    before = site.count("state = 'succeeded'")
    with site.service() as client:
        begin = time.monotonic()
        for first in range(0, jobs, BATCH):
            _post(client, min(BATCH, jobs - first))
        accepted = time.monotonic() - begin
        wait_until(site.is_at_rest)
        finished = time.monotonic() - begin
    succeeded = site.count("state = 'succeeded'") - before
    if succeeded != jobs:
        raise BenchmarkError(f"{succeeded} of {jobs} jobs have succeeded.")
    return Rates(jobs / accepted, jobs / finished)


def _post(client: httpx.Client, count: int) -> None:
    items = [{"job": "probe", "queue": QUEUE, "idempotency_key": str(uuid.uuid4())} for _ in range(count)]
    client.post("/v1/batches", json={"items": items}).raise_for_status()


def _table(bare: Sequence[Rates], ledger: Sequence[Rates], jobs: int) -> Iterator[str]:
    yield "| what | accepted/s | burst accepted in s | finished/s | x |"
    yield "|---|---|---|---|---|"
    yield _row("bare Celery, nothing done", bare, jobs, 1.0)
    # Each run beside the one before it: what else the machine does changes from minute to minute.
    ratio = statistics.median(ours.finished / theirs.finished for ours, theirs in zip(ledger, bare, strict=True))
    yield _row("API, ledger, broker, worker, ledger", ledger, jobs, ratio)


def _row(name: str, runs: Sequence[Rates], jobs: int, ratio: float) -> str:
    accepted = statistics.median(rates.accepted for rates in runs)
    finished = statistics.median(rates.finished for rates in runs)
    return f"| {name} | {accepted:.0f} | {jobs / accepted:.1f} | {finished:.0f} | {ratio:.2f} |"


if __name__ == "__main__":
    main()
