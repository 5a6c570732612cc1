"""What the API believes of a connection, and what it reads of one before it knows what is asked."""

import socket
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import urlsplit

import httpx
import pytest
from fastapi import FastAPI

from api.serving import MOST_HEAD_BYTES, BoundedHttp
from strongroom.runtime import Runtime
from tests.integration.api.conftest import served
from tests.services.audit import audit_rows

FORGED = {"X-Forwarded-For": "10.1.2.3", "X-Forwarded-Proto": "https"}


def test_nobody_is_believed_about_their_address(make_machine: Callable[..., httpx.Client]) -> None:
    machine = make_machine("read", networks=("10.0.0.0/8",))

    assert machine.get("/v1/sources", headers=FORGED).status_code == 401


def test_the_audit_log_has_the_address_of_the_connection(
    stranger: httpx.Client, app: FastAPI, runtime: Runtime
) -> None:
    stranger.get("/v1/sources", headers=FORGED | {"Authorization": "Bearer nothing"})
    app.state.refusals.flush()

    assert {row.address for row in audit_rows(runtime.catalog, action="authn_login_fail")} == {"127.0.0.1"}


def test_a_proxy_that_is_named_is_believed(
    app: FastAPI, make_machine: Callable[..., httpx.Client], monkeypatch: pytest.MonkeyPatch
) -> None:
    token = make_machine("read", networks=("10.0.0.0/8",)).headers["Authorization"]
    monkeypatch.setenv("FORWARDED_ALLOW_IPS", "127.0.0.1")

    with served(app) as address:
        answer = httpx.get(f"{address}/v1/sources", headers=FORGED | {"Authorization": token}, trust_env=False)
    assert answer.status_code == 200


def connected(address: str) -> socket.socket:
    place = urlsplit(address)
    assert place.hostname
    assert place.port
    return socket.create_connection((place.hostname, place.port), timeout=30)


def answered(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes."""
    parts = []
    # What is sent after it has closed is answered by a reset.
    with suppress(ConnectionResetError):
        while part := connection.recv(65536):
            parts.append(part)
    return b"".join(parts)


def test_headers_without_an_end_are_not_kept(base_url: str) -> None:
    with connected(base_url) as connection:
        connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: here\r\nX-Long: " + b"a" * MOST_HEAD_BYTES)

        assert answered(connection).startswith(b"HTTP/1.1 400 ")


def test_a_long_body_behind_short_headers_is_read(stranger: httpx.Client) -> None:
    body = {"session_id": "a" * 2 * MOST_HEAD_BYTES}

    assert stranger.post("/auth/validate-session", json=body).status_code in (401, 413)


@pytest.mark.parametrize("begun", [b"", b"GET /health/live HTTP/1.1\r\nHost: here\r\n"])
def test_who_says_nothing_is_not_waited_for(app: FastAPI, monkeypatch: pytest.MonkeyPatch, begun: bytes) -> None:
    monkeypatch.setattr(BoundedHttp, "seconds_for_head", 0.2)

    with served(app) as address, connected(address) as connection:
        connection.sendall(begun)
        assert answered(connection) == b""


def test_connections_serve_one_request_after_another(stranger: httpx.Client) -> None:
    assert {stranger.get("/health/live").status_code for _ in range(5)} == {200}
