"""Sessions made over HTTP: processes of the API as they are served, and a process that keeps 16 connections busy."""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

import httpx

from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.valkey import Valkey

TOKEN = "a service token for benchmarks"
CONNECTIONS, A_SECOND, P99_MS = 16, 3000.0, 50.0
CONFIG = """
[api]
port = {port}
[regions.here]
path = "here"
[sessions]
max_sessions = 1000000
"""


def measure_http(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Make sessions as fast as 16 connections can."""
    port = ReservedPort()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder) / "strongroom.toml"
        config.write_text(CONFIG.format(port=port.number))
        variables = {
            "STRONGROOM_CONFIG": str(config),
            "STRONGROOM_API_TOKEN": TOKEN,
            "REDIS_HOST": LOOPBACK,
            "REDIS_PORT": str(valkey.port),
            "REDIS_PASSWORD": valkey.password,
        }
        process = _start(variables)
        try:
            _await(port.number)
            took = asyncio.run(_load(port.number, options.seconds))
        finally:
            process.terminate()
            process.wait()
    rate, p99 = len(took) / options.seconds, sorted(took)[int(len(took) * 0.99)] * 1000
    p50 = sorted(took)[len(took) // 2] * 1000
    print(
        f"http     {rate:,.0f} sessions/s (at least {A_SECOND:,.0f}), p50 {p50:.1f} ms, p99 {p99:.1f} ms "
        f"(below {P99_MS:g}), {CONNECTIONS} connections"
    )
    return rate >= A_SECOND and p99 < P99_MS


def _start(variables: dict[str, str]) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, **variables}
    prepare = [sys.executable, "-c", _PREPARE]
    subprocess.run(prepare, env=environment, check=True)
    words = [sys.executable, "-m", "api"]
    return subprocess.Popen(words, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


_PREPARE = """
from strongroom.catalog.schema import upgrade
from strongroom.runtime import build_runtime
from worker.settings import read_settings
settings = read_settings()
settings.data_dir.mkdir(exist_ok=True)
upgrade(build_runtime(settings).catalog.engine)
"""


def _await(port: int) -> None:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(httpx.TransportError):
            if httpx.get(f"http://{LOOPBACK}:{port}/auth/redis-health", trust_env=False).status_code == 200:
                return
        time.sleep(0.1)
    raise SystemExit("the API did not start")


async def _load(port: int, seconds: float) -> list[float]:
    """Return the seconds of each request; the client is as little as can be, since it runs on the same processors."""
    request = (
        f"POST /auth/create-session HTTP/1.1\r\nHost: {LOOPBACK}\r\nAuthorization: Bearer {TOKEN}\r\n"
        "Content-Length: 0\r\n\r\n"
    ).encode()
    until = time.monotonic() + seconds
    took: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection(LOOPBACK, port)
        while time.monotonic() < until:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert head.startswith(b"HTTP/1.1 200"), head
            length = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            await reader.readexactly(length)
            took.append(time.perf_counter() - began)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(CONNECTIONS)))
    return took
