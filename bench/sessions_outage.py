"""A Redis that hangs: how soon each route says so, and how soon sessions are made again once it answers.

The API runs as it does in production, in processes of its own, with a proxy between it and Redis that swallows all.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import httpx

from api.client.headers import VISIT_COOKIE
from bench.sessions_http import running_api
from tests.services.ports import LOOPBACK
from tests.services.proxy import TcpProxy
from tests.services.valkey import Valkey

ANSWER_MS, BACK_SECONDS = 300.0, 3.0
OUTAGES, SECONDS = 10, 1.0
UNAVAILABLE, DONE = 503, 200
ID = "v" * 43

Ask = Callable[[httpx.Client], httpx.Response]
ROUTES: dict[str, Ask] = {
    "create": lambda client: client.post("/auth/create-session"),
    "validate": lambda client: client.get("/auth/validate-session", params={"session_id": ID}),
    "validate by POST": lambda client: client.post("/auth/validate-session", json={"session_id": ID}),
    "page": lambda client: client.get("/client/iframe.html", params={"session_id": ID}),
    "board": lambda client: client.get("/client/board.json", headers={"Cookie": f"{VISIT_COOKIE}={ID}"}),
    "status": lambda client: client.get("/auth/session-status"),
    "health": lambda client: client.get("/auth/redis-health"),
}


def measure_outage(valkey: Valkey, options: argparse.Namespace) -> bool:
    """Have Redis hang some times, each time with another route that finds out first."""
    proxy = TcpProxy(f"redis://{LOOPBACK}:{valkey.port}")
    proxy.start()
    with closing(proxy), tempfile.TemporaryDirectory() as folder:
        with running_api(Path(folder), proxy.port, valkey.password, options.processes) as (port, token):
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=f"http://{LOOPBACK}:{port}", headers=headers, trust_env=False) as client:
                slowest, back = _hang_again_and_again(proxy, client)
    worst = max(slowest.values()) * 1000
    each = ", ".join(f"{name} {seconds * 1000:.0f}" for name, seconds in slowest.items())
    print(
        f"outage   {OUTAGES} of Redis, which hung: 503 within {worst:.0f} ms (at most {ANSWER_MS:g}), the slowest of "
        f"each route in ms: {each}\n"
        f"         sessions were made again after {back:.2f} s at most (at most {BACK_SECONDS:g})"
    )
    return worst <= ANSWER_MS and back <= BACK_SECONDS


def _hang_again_and_again(proxy: TcpProxy, client: httpx.Client) -> tuple[dict[str, float], float]:
    """Return the seconds of the slowest answer of each route, and of the longest wait for a session afterwards."""
    slowest, back = dict.fromkeys(ROUTES, 0.0), 0.0
    for number in range(OUTAGES):
        _answer_soon(proxy, client, number, slowest)
        proxy.forward()
        back = max(back, _until_made(client))
    return slowest, back


def _answer_soon(proxy: TcpProxy, client: httpx.Client, first: int, slowest: dict[str, float]) -> None:
    proxy.black_hole()
    names = [*ROUTES][first % len(ROUTES) :] + [*ROUTES][: first % len(ROUTES)]
    until = time.monotonic() + SECONDS
    while time.monotonic() < until:
        for name in names:
            began = time.perf_counter()
            status = ROUTES[name](client).status_code
            slowest[name] = max(slowest[name], time.perf_counter() - began)
            assert status == UNAVAILABLE, f"{name} answered {status}"


def _until_made(client: httpx.Client) -> float:
    began = time.monotonic()
    while ROUTES["create"](client).status_code != DONE:
        time.sleep(0.01)
    return time.monotonic() - began
