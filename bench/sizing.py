"""`python -m bench.sizing`: what an installation takes: memory, growth of the catalog, Redis, objects."""

import argparse
import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.measure import BenchmarkError, stored_bytes
from strongroom.testing.postgres import ScratchPostgres
from tests.e2e.deployment import Deployment, deployed, eventually
from tests.services.valkey import Valkey, running_valkey

DATABASE = "catalog"
MIB = 1 << 20
REGIONS = ("eu-west-1", "us-east-1", "ap-southeast-1")
SMALL_FILES = 20
SOURCES = """
[sources.small]
kind = "files"
path = "small"
[sources.large]
kind = "files"
path = "large"
"""


@dataclass(frozen=True, slots=True)
class Bench:
    """An installation on PostgreSQL and Valkey with three directories as regions."""

    deployment: Deployment
    postgres: ScratchPostgres
    broker: Valkey

    def catalog_bytes(self) -> int:
        """Return the size of the catalog's database, indexes and all."""
        with self.postgres.connect(DATABASE) as connection:
            connection.execute("VACUUM")
            row = connection.execute("SELECT pg_database_size(current_database())").fetchone()
        return int(row[0]) if row else 0

    def broker_bytes(self, figure: str) -> int:
        """Return a figure of the broker's memory: used_memory or used_memory_peak."""
        with self.broker.client() as client:
            return int(client.info("memory")[figure])

    def region_bytes(self) -> int:
        """Return what lies in one region."""
        return stored_bytes(self.deployment.directory / "regions" / REGIONS[0])


def main() -> None:
    """Measure and print Markdown tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--backups", type=int, default=200, help="backups of the small tree")
    parser.add_argument("--jobs", type=int, default=2000, help="jobs with nothing to do")
    parser.add_argument("--mib", type=int, default=1024, help="size of the large tree")
    options = parser.parse_args()
    with _running(options.mib) as bench:
        print("\n".join(_memory(bench, "idle")))
        print("\n".join(_large(bench, options.mib)))
        print("\n".join(_memory(bench, "after a backup, two copies and a check of the large tree")))
        print("\n".join(_growth(bench, options.backups, options.jobs)))


@contextmanager
def _running(mib: int) -> Iterator[Bench]:
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="strongroom-bench-")))
        postgres = stack.enter_context(ScratchPostgres(durable=True))
        broker = stack.enter_context(running_valkey(directory / "v"))
        postgres.create_database(DATABASE)
        _make_trees(directory, mib)
        environment = {"STRONGROOM_CATALOG_URL": postgres.url(DATABASE), "STRONGROOM_BROKER_URL": broker.url}
        homes = (
            f"[regions.{name}]\nhome = {str(name == REGIONS[0]).lower()}\npath = 'regions/{name}'" for name in REGIONS
        )
        deployment = stack.enter_context(deployed(directory, "\n".join(homes) + SOURCES, environment))
        deployment.start_process("watch", "strongroom", "watch")
        eventually(lambda: len(deployment.get("/v1/status")["processes"]) >= 6, "every process has reported")
        yield Bench(deployment, postgres, broker)


def _make_trees(directory: Path, mib: int) -> None:
    for number in range(SMALL_FILES):
        (directory / "small").mkdir(exist_ok=True)
        (directory / "small" / f"{number}.txt").write_bytes(os.urandom(4096))
    (directory / "large").mkdir()
    for number in range(mib // 8):
        # Half of it compresses well.
        (directory / "large" / f"{number}.bin").write_bytes(os.urandom(4 * MIB) + b"strongroom " * (4 * MIB // 11))


def _memory(bench: Bench, when: str) -> Iterator[str]:
    yield f"\n| process, {when} | processes | MiB shared out (PSS) | highest of one (RSS) |\n|---|---|---|---|"
    for name, server in bench.deployment.servers.items():
        family = list(_family(server.pid)) if server.pid else []
        pss = sum(_kib(pid, "smaps_rollup", "Pss") for pid in family)
        peak = max((_kib(pid, "status", "VmHWM") for pid in family), default=0)
        yield f"| {name} | {len(family)} | {pss / 1024:.0f} | {peak / 1024:.0f} |"


def _family(pid: int) -> Iterator[int]:
    yield pid
    children = Path(f"/proc/{pid}/task/{pid}/children")
    for child in children.read_text().split() if children.exists() else ():
        yield from _family(int(child))


def _kib(pid: int, file: str, figure: str) -> int:
    lines = Path(f"/proc/{pid}/{file}").read_text().splitlines()
    return next((int(line.split()[1]) for line in lines if line.startswith(f"{figure}:")), 0)


def _large(bench: Bench, mib: int) -> Iterator[str]:
    yield "\n| what | bytes into each region |\n|---|---|"
    before = bench.region_bytes()
    bench.deployment.await_protected(bench.deployment.back_up("large"))
    first = bench.region_bytes()
    yield f"| first backup of {mib} MiB, half of it compressible | {(first - before) / MIB:.1f} MiB |"
    bench.deployment.await_protected(bench.deployment.back_up("large"))
    second = bench.region_bytes()
    yield f"| the same again, nothing changed | {(second - first) / 1024:.1f} KiB |"
    job = bench.deployment.post("/v1/region-verifications", {"region": REGIONS[1], "level": "data"})
    bench.deployment.await_job(job["id"])


def _growth(bench: Bench, backups: int, jobs: int) -> Iterator[str]:
    yield "\n| what | figure |\n|---|---|"
    catalog, region = bench.catalog_bytes(), bench.region_bytes()
    for _ in range(backups):
        newest = bench.deployment.back_up("small")
    bench.deployment.await_protected(newest)
    yield f"| catalog, a backup with its copies | {(bench.catalog_bytes() - catalog) / backups / 1024:.1f} KiB |"
    grown = (bench.region_bytes() - region) / backups / 1024
    yield f"| a region, a backup of {SMALL_FILES} unchanged files | {grown:.1f} KiB |"
    catalog, used = bench.catalog_bytes(), bench.broker_bytes("used_memory")
    _probe(bench, jobs)
    yield f"| catalog, a job with nothing to do | {(bench.catalog_bytes() - catalog) / jobs / 1024:.2f} KiB |"
    yield f"| Redis at rest | {used / MIB:.1f} MiB |"
    yield f"| Redis at most, {jobs} jobs waiting | {bench.broker_bytes('used_memory_peak') / MIB:.1f} MiB |"


def _probe(bench: Bench, jobs: int) -> None:
    for first in range(0, jobs, 500):
        items = [{"job": "probe", "queue": "maintenance"}] * min(500, jobs - first)
        answer = bench.deployment.client.post("/v1/batches", json={"items": items})
        if answer.status_code != 202:
            raise BenchmarkError(json.dumps(answer.json()))
    states = ("queued", "running")

    def is_at_rest() -> bool:
        with bench.postgres.connect(DATABASE) as connection:
            row = connection.execute("SELECT count(*) FROM job WHERE state = ANY(%s)", (list(states),)).fetchone()
        return bool(row and row[0] == 0)

    eventually(is_at_rest, "every job has ended")


if __name__ == "__main__":
    main()
