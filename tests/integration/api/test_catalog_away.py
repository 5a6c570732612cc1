"""With a catalog that hangs, requests that need it are answered 503 at once, and as ever when it is back."""

from collections.abc import Callable

import httpx
import pytest

from tests.services.proxy import TcpProxy

ASKED = (
    ("GET", "/v1/backups"),
    ("GET", "/auth/session-status"),
    ("GET", "/api/v1/auth/mfa/status"),
    ("POST", "/api/v1/auth/logout"),
    ("POST", "/api/v1/auth/login"),
    ("POST", "/api/v1/auth/login/mfa-verify"),
    ("POST", "/api/v1/auth/refresh"),
)
BODIES = {
    "/api/v1/auth/login": {"username": "ada", "password": "a password of this test"},
    "/api/v1/auth/login/mfa-verify": {"mfa_token": "a token", "code": "123456"},
    "/api/v1/auth/refresh": {"refresh_token": "a token"},
}
PATIENCE = 5.0
"""Seconds after which a client of these tests gives up: less than the driver waits for a connection."""


@pytest.fixture
def proxy(postgres_catalog_url: str, tcp_proxy: Callable[[str], TcpProxy]) -> TcpProxy:
    return tcp_proxy(postgres_catalog_url)


@pytest.fixture
def catalog_url(proxy: TcpProxy) -> str:
    return proxy.url


def ask(client: httpx.Client, method: str, path: str) -> httpx.Response:
    return client.request(method, path, json=BODIES.get(path), timeout=PATIENCE)


@pytest.mark.parametrize("fault", ["black_hole", "refuse"])
def test_a_catalog_that_hangs_or_is_away_is_known_at_once(client, proxy, fault):
    assert client.get("/v1/backups").status_code == 200
    getattr(proxy, fault)()

    answers = [ask(client, method, path) for method, path in ASKED]

    assert [answer.status_code for answer in answers] == [503] * len(ASKED)
    assert {answer.json()["code"] for answer in answers} == {"catalog.unavailable"}
    assert all("retry-after" in answer.headers for answer in answers)
    proxy.forward()
    while (answer := client.get("/v1/backups")).status_code == 503:
        pass
    assert answer.status_code == 200


def test_what_needs_no_catalog_is_answered_meanwhile(stranger, proxy):
    proxy.black_hole()

    assert stranger.get("/health/live").status_code == 200
    assert ask(stranger, "GET", "/v1/backups").status_code == 401
