"""`python -m bench.sessions`: what one-time sessions cost, and that each is used once however hard it is tried.

Parts: the scripts beside PING on one connection, in rounds that alternate; counting at 100,000 sessions; their bytes;
the cap under eight processes; sessions over HTTP at 16 connections; sessions tried by eight processes at the same time
while Redis is killed and started again. `--only uses --tokens 1000000` is the long one.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import redis

from api.sessions.keys import EPOCH, INDEX, RECORD, STATS, USED
from api.sessions.scripts import read_script
from bench.sessions_http import measure_http
from bench.sessions_race import race_cap, race_uses
from tests.services.ports import LOOPBACK
from tests.services.valkey import Valkey, running_valkey

SHARE_OF_PING, P99_MS, COUNT_MS = 0.65, 1.0, 1.0
LIVING, MOST_BYTES = 100_000, 500
ROUNDS, CALLS = 40, 300


def main() -> None:
    """Measure the parts that are asked for and print a line for each; ends with 1 when a goal is missed."""
    options = _options()
    parts: dict[str, Callable[[Valkey, argparse.Namespace], bool]] = {
        "scripts": _scripts,
        "count": _count,
        "cap": race_cap,
        "http": measure_http,
        "uses": race_uses,
    }
    results = []
    for name in options.only or list(parts):
        with tempfile.TemporaryDirectory(prefix="s-", dir=options.dir) as folder:
            with running_valkey(Path(folder) / "v") as valkey:
                results.append(parts[name](valkey, options))
    raise SystemExit(0 if all(results) else 1)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="*", choices=["scripts", "count", "cap", "http", "uses"])
    parser.add_argument("--tokens", type=int, default=100_000, help="sessions that all processes try")
    parser.add_argument("--kills", type=int, default=5, help="how often Redis is killed meanwhile")
    parser.add_argument("--seconds", type=float, default=10, help="for how long requests are sent")
    parser.add_argument("--dir", type=Path, help="where the work folder goes; a short path, there are sockets in it")
    return parser.parse_args()


class Caller:
    """One connection, without an event loop between the call and the measurement."""

    def __init__(self, valkey: Valkey) -> None:
        self.client = redis.Redis(host=LOOPBACK, port=valkey.port, password=valkey.password)
        self.client.set(EPOCH, "0123456789abcdef")
        self._create = self.client.register_script(read_script("create"))
        self._consume = self.client.register_script(read_script("consume"))
        self._count = self.client.register_script(read_script("count"))
        self._random = random.Random(9)
        self.records: list[str] = []

    def ping(self) -> None:
        self.client.ping()

    def create(self) -> None:
        record = f"{RECORD}{self._random.getrandbits(256):064x}"
        self._create([record, INDEX, USED, STATS, EPOCH], [10_000_000, 1800, len(RECORD)])
        self.records.append(record)

    def consume(self) -> None:
        said = self._consume([self.records.pop(), INDEX, USED, STATS, EPOCH], [len(RECORD), 1800])
        assert said[0] == b"accepted", said

    def count(self) -> list[int]:
        counted: list[int] = self._count([INDEX, USED, STATS])
        return counted


def _scripts(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Time PING, create and consume in turn; the ratio of rounds is what a shared machine says least wrongly."""
    caller = Caller(valkey)
    calls = {"ping": caller.ping, "create": caller.create, "consume": caller.consume}
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    rounds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        _timed(call, CALLS)
    for _ in range(ROUNDS):
        for name, call in calls.items():
            took = _timed(call, CALLS)
            seconds[name] += took
            rounds[name].append(CALLS / sum(took))
    met = True
    for name in calls:
        took = sorted(seconds[name])
        ratios = sorted(own / ping for own, ping in zip(rounds[name], rounds["ping"], strict=True))
        ratio, p99 = ratios[len(ratios) // 2], took[int(len(took) * 0.99)] * 1000
        met &= ratio >= SHARE_OF_PING and p99 < P99_MS
        print(
            f"{name:8} {sorted(rounds[name])[ROUNDS // 2]:8,.0f}/s  best {max(rounds[name]):8,.0f}/s  "
            f"p50 {took[len(took) // 2] * 1000:.3f} ms  p99 {p99:.3f} ms (below {P99_MS:g})  "
            f"{ratio:.2f} of PING (at least {SHARE_OF_PING})"
        )
    return met


def _count(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Time counting at many sessions, and weigh a session."""
    caller = Caller(valkey)
    empty = int(caller.client.info("memory")["used_memory"])
    for _ in range(LIVING):
        caller.create()
    full = int(caller.client.info("memory")["used_memory"])
    index = int(caller.client.memory_usage(INDEX) or 0)
    took = sorted(_timed(caller.count, 2000))
    counted = caller.count()
    assert counted[0] == LIVING
    p99, each = took[int(len(took) * 0.99)] * 1000, (full - empty) / LIVING
    print(
        f"count    at {LIVING:,} sessions: p50 {took[len(took) // 2] * 1000:.3f} ms  "
        f"p99 {p99:.3f} ms (below {COUNT_MS:g})"
    )
    print(f"memory   {each:.0f} bytes a session with index (at most {MOST_BYTES}), {each - index / LIVING:.0f} without")
    return p99 < COUNT_MS and each <= MOST_BYTES


def _timed(call: Callable[[], object], times: int) -> list[float]:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return took


if __name__ == "__main__":
    main()
