"""The API of an installation with operators, whose passwords cost little."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from httpx import Response

from api.app import create_app
from strongroom.access.principals import Role
from strongroom.accounts import totp
from strongroom.runtime import build_runtime
from tests.services.operators import PASSWORD, OpenOperators, OperatorHouse


@dataclass
class Site:
    """A served installation, seen from outside."""

    house: OperatorHouse
    app: FastAPI
    client: TestClient

    def post(self, path: str, body: dict[str, Any] | None = None, token: str | None = None) -> Response:
        """Ask a route below /api/v1/auth."""
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        return self.client.post(f"/api/v1/auth{path}", json=body, headers=headers)

    def log_in(self, name: str = "ana", password: str = PASSWORD) -> Response:
        """Show a password."""
        return self.post("/login", {"username": name, "password": password})

    def code(self, secret: str) -> str:
        """Return what the app shows now."""
        return totp.code_at(secret, totp.step_of(self.house.clock.now()))

    def enrol(self, token: str) -> tuple[str, list[str]]:
        """Enrol with a token; return secret and backup codes. The clock goes on to the next code."""
        secret: str = self.post("/mfa/enable", token=token).json()["secret"]
        answer = self.post("/mfa/confirm", {"code": self.code(secret)}, token)
        assert answer.status_code == 200, answer.text
        self.house.clock.move(seconds=30)
        codes: list[str] = answer.json()["backup_codes"]
        return secret, codes


OpenSite = Callable[..., Site]


@pytest.fixture
def open_site(open_house: OpenOperators, sqlite_catalog_url: str) -> OpenSite:
    """Return what serves an installation with an operator `ana`, with variables of the environment."""

    def opened(role: Role = Role.OPERATOR, **environment: str) -> Site:
        house = open_house(sqlite_catalog_url, **environment)
        house.add("ana", role)
        runtime = build_runtime(house.services.settings, clock=house.clock)
        app = create_app(runtime, publish=lambda message: None)
        app.state.operators = house.operators
        app.state.gate.authenticate = house.operators.sessions.authenticate
        return Site(house, app, TestClient(app, raise_server_exceptions=False))

    return opened
