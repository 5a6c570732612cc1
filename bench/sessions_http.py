"""Sessions made over HTTP: the API as it is served, and wrk, which keeps 16 connections busy and needs little itself.

`GET /health/live` in the same run, which looks at nothing, says what the server and the client are able to do at all.
"""

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade
from strongroom.catalog.service_tokens import TokenKind
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock, system_random
from strongroom.servicetokens.tokens import ServiceTokens, TokenRequest
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.valkey import Valkey

CONNECTIONS, A_SECOND, P99_MS = 16, 3000.0, 50.0
ROUNDS = 5
CONFIG = """
[api]
port = {port}

[regions.here]
path = "here"
[sessions]
max_sessions = 1000000
"""
# What wrk says at its end, in one line: latencies are of every request.
TOLD = """
function done(summary, latency, requests)
  local errors = summary.errors
  local failed = errors.connect + errors.read + errors.write + errors.status + errors.timeout
  print(string.format('{"requests": %d, "us": %d, "failed": %d, "p50_us": %d, "p99_us": %d}',
    summary.requests, summary.duration, failed, latency:percentile(50), latency:percentile(99)))
end
"""


@dataclass(frozen=True, slots=True)
class Round:
    """What some seconds of requests came to: a rate in one second, latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


def measure_http(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Make sessions as fast as 16 connections can, in turn with requests that cost the least there is."""
    with tempfile.TemporaryDirectory() as folder:
        with running_api(Path(folder), valkey.port, valkey.password, options.processes) as (port, token):
            made, nothing = _in_turn(Path(folder), port, token, options.seconds / ROUNDS)
    return _report(made, nothing, options)


@contextmanager
def running_api(folder: Path, redis: int, password: str, processes: int) -> Iterator[tuple[int, str]]:
    """Serve the API from so many processes; returns its port and a token that may read."""
    port = ReservedPort()
    token = _prepare(folder, port.number)
    variables = {
        "STRONGROOM_CONFIG": f"{folder}/strongroom.toml",
        "STRONGROOM_CATALOG_URL": f"sqlite:///{folder}/catalog.db",
        "REDIS_HOST": LOOPBACK,
        "REDIS_PORT": str(redis),
        "REDIS_PASSWORD": password,
    }
    with (folder / "log").open("wb") as log:
        words = [sys.executable, "-m", "api", "--processes", str(processes)]
        process = subprocess.Popen(words, env={**os.environ, **variables}, stdout=log, stderr=log)
    try:
        _await(port.number, process)
        yield port.number, token
    finally:
        process.terminate()
        process.wait()


def _report(made: list[Round], nothing: list[Round], options: argparse.Namespace) -> bool:
    rate, p99 = statistics.median(one.rate for one in made), statistics.median(one.p99 for one in made)
    p50, worst = statistics.median(one.p50 for one in made), max(one.p99 for one in made)
    ratio = statistics.median(one.rate / other.rate for one, other in zip(made, nothing, strict=True))
    print(
        f"http     {rate:,.0f} sessions/s (at least {A_SECOND:,.0f}), "
        f"best round {max(one.rate for one in made):,.0f}/s, "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms (below {P99_MS:g}), worst round's {worst:.1f} ms; "
        f"{CONNECTIONS} connections, processes of the API: {options.processes}\n"
        f"         /health/live in between: {statistics.median(one.rate for one in nothing):,.0f}/s; "
        f"a session is {ratio:.2f} of it"
    )
    return rate >= A_SECOND and p99 < P99_MS


def _prepare(folder: Path, port: int) -> str:
    """Write settings and a catalog, and return a token that may read."""
    (folder / "strongroom.toml").write_text(CONFIG.format(port=port))
    engine = open_engine(f"sqlite:///{folder}/catalog.db")
    upgrade(engine)
    tokens = ServiceTokens(Catalog(engine), SystemClock(), system_random)
    token = tokens.create(TokenRequest("portal", TokenKind.PORTAL, ["read"], by="bench")).text
    engine.dispose()
    return token


def _await(port: int, process: "subprocess.Popen[bytes]") -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://{LOOPBACK}:{port}/auth/redis-health", trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    raise SystemExit("the API did not start")


def _in_turn(folder: Path, port: int, token: str, seconds: float) -> tuple[list[Round], list[Round]]:
    """Make sessions and ask for nothing by turns."""
    make, nothing = folder / "make.lua", folder / "nothing.lua"
    make.write_text(f'wrk.method = "POST"\nwrk.headers["Authorization"] = "Bearer {token}"\n{TOLD}')
    nothing.write_text(TOLD)
    rounds: tuple[list[Round], list[Round]] = ([], [])
    for number in range(ROUNDS + 1):
        made = _load(make, f"http://{LOOPBACK}:{port}/auth/create-session", seconds)
        looked = _load(nothing, f"http://{LOOPBACK}:{port}/health/live", seconds)
        # The first round warms up.
        if number:
            rounds[0].append(made)
            rounds[1].append(looked)
    return rounds


def _load(script: Path, url: str, seconds: float) -> Round:
    """Keep the connections busy for whole seconds; every answer must be one of success."""
    words = ["wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--duration", f"{math.ceil(seconds)}s"]
    shown = subprocess.run([*words, "--script", script, url], check=True, capture_output=True, text=True).stdout
    told = json.loads(shown.splitlines()[-1])
    if told["failed"]:
        raise SystemExit(f"{told['failed']} of {told['requests']} requests were not answered with success")
    return Round(told["requests"] / told["us"] * 1e6, told["p50_us"] / 1000, told["p99_us"] / 1000)
