"""Sessions made over HTTP: the API as it is served, and a client that keeps 16 connections busy.

`GET /health/live` in the same run, which looks at nothing, says what the server and the client are able to do at all.
"""

import argparse
import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
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


def measure_http(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Make sessions as fast as 16 connections can, in turn with requests that cost the least there is."""
    with tempfile.TemporaryDirectory() as folder:
        with running_api(Path(folder), valkey.port, valkey.password, options.processes) as (port, token):
            took, nothing = _in_turn(port, token, options.seconds / ROUNDS)
    return _report(took, nothing, options)


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


def _report(took: list[list[float]], nothing: list[list[float]], options: argparse.Namespace) -> bool:
    seconds = options.seconds / ROUNDS
    rates = [len(one) / seconds for one in took]
    every = sorted(second for one in took for second in one)
    ratios = sorted(len(one) / len(other) for one, other in zip(took, nothing, strict=True))
    rate, p50, p99 = len(every) / options.seconds, every[len(every) // 2] * 1000, every[int(len(every) * 0.99)] * 1000
    print(
        f"http     {rate:,.0f} sessions/s (at least {A_SECOND:,.0f}), best round {max(rates):,.0f}/s, "
        f"p50 {p50:.1f} ms, p99 {p99:.1f} ms (below {P99_MS:g}), {CONNECTIONS} connections, "
        f"{options.processes} processes\n"
        f"         /health/live in between: {sum(map(len, nothing)) / options.seconds:,.0f}/s; "
        f"a session is {ratios[len(ratios) // 2]:.2f} of it"
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


def _in_turn(port: int, token: str, seconds: float) -> tuple[list[list[float]], list[list[float]]]:
    make = f"POST /auth/create-session HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Length: 0\r\n"
    nothing = "GET /health/live HTTP/1.1\r\n"
    took: tuple[list[list[float]], list[list[float]]] = ([], [])
    for number in range(ROUNDS + 1):
        for place, head in enumerate((make, nothing)):
            one = asyncio.run(_load(port, f"{head}Host: {LOOPBACK}\r\n\r\n".encode(), seconds))
            # The first round warms up.
            if number:
                took[place].append(one)
    return took


class _Connection(asyncio.Protocol):
    """Sends a request as soon as the one before was answered; as little work as can be, as processors are shared."""

    def __init__(self, request: bytes, until: float, took: list[float]) -> None:
        self._request, self._until, self._took = request, until, took
        self._answer = b""
        self.ended = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._send()

    def data_received(self, data: bytes) -> None:
        self._answer += data
        head, there, body = self._answer.partition(b"\r\n\r\n")
        if not there or len(body) < int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0]):
            return
        self._took.append(time.perf_counter() - self._began)
        if not head.startswith(b"HTTP/1.1 200"):
            self.ended.set_exception(AssertionError(self._answer.decode()))
        elif time.monotonic() < self._until:
            self._send()
        else:
            self._transport.close()
            self.ended.set_result(None)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.ended.done():
            self.ended.set_exception(ConnectionError("The API closed the connection."))

    def _send(self) -> None:
        self._answer, self._began = b"", time.perf_counter()
        self._transport.write(self._request)


async def _load(port: int, request: bytes, seconds: float) -> list[float]:
    """Return the seconds of each request."""
    took: list[float] = []
    until, loop = time.monotonic() + seconds, asyncio.get_running_loop()
    connections = [
        await loop.create_connection(lambda: _Connection(request, until, took), LOOPBACK, port)
        for _ in range(CONNECTIONS)
    ]
    await asyncio.gather(*(connection.ended for _, connection in connections))
    return took
