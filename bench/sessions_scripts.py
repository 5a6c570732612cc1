"""What one-time sessions cost beside PING: the scripts on one connection, and the same through what the API calls.

Rounds of each alternate, and the ratio of two rounds that were neighbours is what a shared machine says least wrongly.
"""

import argparse
import asyncio
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import redis

from api.sessions.calling import Script
from api.sessions.keys import EPOCH, INDEX, RECORD
from api.sessions.redis_sessions import RedisSessionManager
from api.sessions.scripts import read_script
from bench.sessions_race import settings_of, with_sessions
from tests.services.ports import LOOPBACK
from tests.services.valkey import Valkey

SHARE_OF_PING, P99_MS, COUNT_MS = 0.65, 1.0, 1.0
LIVING, MOST_BYTES, MOST_BYTES_ALONE = 100_000, 500, 300
ROUNDS, CALLS = 40, 300
MOST = 10_000_000

Took = dict[str, list[list[float]]]
"""By the name of a call: the seconds of each call of each round."""


class Caller:
    """One connection, without an event loop between the call and the measurement."""

    def __init__(self, valkey: Valkey) -> None:
        self.client: Any = redis.Redis(
            host=LOOPBACK, port=valkey.port, password=valkey.password, single_connection_client=True
        )
        self.client.set(EPOCH, "0123456789abcdef")
        self._create = Script(read_script("create", most=MOST, seconds=1800, milliseconds=1_800_000))
        self._consume = Script(read_script("consume", milliseconds=1_800_000))
        self._count = Script(read_script("count"))
        self._wanted: list[str] = []
        self.records: list[str] = []

    def want(self, number: int) -> None:
        """Have names for so many sessions: to make them up is no part of a call."""
        self._wanted = [RECORD + secrets.token_hex(16) for _ in range(number)]

    def ping(self) -> None:
        self.client.ping()

    def bare_ping(self) -> None:
        self._say(b"*1\r\n$4\r\nPING\r\n")

    def create(self) -> None:
        record = self._wanted.pop()
        assert self._call(self._create, record) == 1
        self.records.append(record)

    def consume(self) -> None:
        assert isinstance(self._call(self._consume, self.records.pop()), bytes)

    def count(self) -> list[int]:
        counted: list[int] = self._call(self._count)
        return counted

    def _call(self, script: Script, *keys: str) -> Any:
        try:
            return self._say(script.command(*keys))
        except redis.exceptions.NoScriptError:
            return self._say(script.introduction(*keys))

    def _say(self, command: bytes) -> Any:
        connection = self.client.connection
        connection.send_packed_command([command], check_health=False)
        return connection.read_response()


def measure_scripts(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Time PING, create and consume in turn."""
    caller = Caller(valkey)
    calls = {"ping": caller.ping, "create": caller.create, "consume": caller.consume, "bare": caller.bare_ping}
    took: Took = {name: [] for name in calls}
    for number in range(ROUNDS + 1):
        caller.want(CALLS)
        for name, call in calls.items():
            seconds = _timed(call, CALLS)
            # The first round warms up.
            if number:
                took[name].append(seconds)
    bare = _ratio(took, "create", "bare"), _ratio(took, "consume", "bare")
    del took["bare"]
    met = _report("scripts", took, "PING by redis-py")
    print(f"         beside a PING sent as they are, without redis-py's own work: {bare[0]:.2f} and {bare[1]:.2f}")
    return met


def measure_manager(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Time the same through what the routes call, one after the other in an event loop."""
    with tempfile.TemporaryDirectory() as folder:
        settings = settings_of(valkey, Path(folder), 1_000_000)
        took: Took = asyncio.run(with_sessions(settings, _manage, None))
    return _report("manager", took, "PING by redis.asyncio")


async def _manage(sessions: RedisSessionManager, _: object) -> Took:
    made: list[str] = []

    async def create() -> None:
        made.append(await sessions.create())

    async def consume() -> None:
        await sessions.consume(made.pop())

    await sessions.verify()
    calls = {"ping": sessions.verify, "create": create, "consume": consume}
    took: Took = {name: [] for name in calls}
    for _ in range(ROUNDS):
        for name, call in calls.items():
            seconds = []
            for _ in range(CALLS):
                began = time.perf_counter()
                await call()
                seconds.append(time.perf_counter() - began)
            took[name].append(seconds)
    return took


def measure_count(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Time counting at many sessions, and weigh a session."""
    caller = Caller(valkey)
    empty = int(caller.client.info("memory")["used_memory"])
    caller.want(LIVING)
    for _ in range(LIVING):
        caller.create()
    full = int(caller.client.info("memory")["used_memory"])
    index = int(caller.client.memory_usage(INDEX, samples=0) or 0)
    took = sorted(_timed(caller.count, 2000))
    assert caller.count()[0] == LIVING
    p99, each, alone = took[int(len(took) * 0.99)] * 1000, (full - empty) / LIVING, (full - empty - index) / LIVING
    print(
        f"count    at {LIVING:,} sessions: p50 {took[len(took) // 2] * 1000:.3f} ms  "
        f"p99 {p99:.3f} ms (below {COUNT_MS:g})"
    )
    print(
        f"memory   {each:.0f} bytes a session with index (at most {MOST_BYTES}), "
        f"{alone:.0f} without (at most {MOST_BYTES_ALONE})"
    )
    return p99 < COUNT_MS and each <= MOST_BYTES and alone <= MOST_BYTES_ALONE


def _report(part: str, took: Took, beside: str) -> bool:
    print(f"{part:8} ratios are to {beside}")
    met = True
    for name, rounds in took.items():
        every = sorted(second for seconds in rounds for second in seconds)
        rates = sorted(_rates(rounds))
        ratio, p99 = _ratio(took, name, "ping"), every[int(len(every) * 0.99)] * 1000
        met &= ratio >= SHARE_OF_PING and p99 < P99_MS
        print(
            f"{name:8} {rates[len(rates) // 2]:8,.0f}/s  best {rates[-1]:8,.0f}/s  "
            f"p50 {every[len(every) // 2] * 1000:.3f} ms  p99 {p99:.3f} ms (below {P99_MS:g})  "
            f"{ratio:.2f} of PING (at least {SHARE_OF_PING})"
        )
    return met


def _ratio(took: Took, name: str, other: str) -> float:
    pairs = zip(_rates(took[name]), _rates(took[other]), strict=True)
    ratios = sorted(own / theirs for own, theirs in pairs)
    return ratios[len(ratios) // 2]


def _rates(rounds: list[list[float]]) -> Iterator[float]:
    return (len(seconds) / sum(seconds) for seconds in rounds)


def _timed(call: Callable[[], object], times: int) -> list[float]:
    took = []
    for _ in range(times):
        began = time.perf_counter()
        call()
        took.append(time.perf_counter() - began)
    return took
