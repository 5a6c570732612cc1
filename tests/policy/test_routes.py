"""Every route but the two of health is behind the gate, whatever a later change adds."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from fastapi.testclient import TestClient
from starlette.routing import Route

from api.app import create_app
from strongroom.access.errors import CredentialRefusal
from strongroom.access.operations import PUBLIC, ROUTES
from strongroom.access.principals import Principal, PrincipalKind, Role
from strongroom.accounts.tokens import refused
from strongroom.clock import SystemClock
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings

TOKEN = "a-token-for-this-test-only"
OPEN = {row.name.split()[1] for row in PUBLIC}
CONFIGURATION = """
data_dir = "data"

[regions.home]
path = "region"
"""


@pytest.fixture(scope="module")
def application(tmp_path_factory: pytest.TempPathFactory) -> FastAPI:
    folder: Path = tmp_path_factory.mktemp("installation")
    file = folder / "strongroom.toml"
    file.write_text(CONFIGURATION, encoding="utf-8")
    (folder / "data").mkdir()
    app = create_app(build_runtime(load_settings(file, {})), publish=lambda message: None)
    app.state.gate.authenticate = login
    return app


def login(shown: str) -> Principal:
    """Take the token for that of an administrator."""
    if shown != TOKEN:
        raise refused(CredentialRefusal.UNKNOWN)
    return Principal("1", "ada", PrincipalKind.OPERATOR, Role.ADMIN, factor_at=SystemClock().now())


@pytest.fixture
def client(application: FastAPI) -> TestClient:
    return TestClient(application, raise_server_exceptions=False)


def requests(application: FastAPI) -> Iterator[tuple[str, str]]:
    """Yield method and path of every route, with something in place of each parameter."""
    for route in iter_route_contexts(application.routes):
        assert isinstance(route.original_route, Route), "Mounted applications and sockets need a gate of their own."
        for method in sorted(route.methods or ()):
            yield method, re.sub(r"\{[^}]*\}", "something", route.path)


def test_every_route_has_its_row_in_the_table_of_operations(application):
    routes = iter_route_contexts(application.routes)
    there = {f"{method} {route.path}" for route in routes for method in route.methods or ()}
    declared = {row.name for row in (*PUBLIC, *ROUTES)}

    assert there - declared == set(), "Add these to strongroom/access/operations.py"
    assert declared - there == set(), "There are no such routes"


def behind_the_gate(application: FastAPI) -> list[tuple[str, str]]:
    return [(method, path) for method, path in requests(application) if path not in OPEN]


def test_there_are_routes(application):
    paths = {path for _, path in requests(application)}

    assert OPEN.issubset(paths)
    assert {"/v1/backups", "/v1/restores", "/v1/verifications", "/v1/jobs", "/v1/status", "/openapi.json"} <= paths


@pytest.mark.parametrize("header", [{}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}])
def test_no_route_answers_without_the_token(application, client, header):
    answers = {
        request: client.request(*request, headers=header).status_code for request in behind_the_gate(application)
    }

    assert {request: status for request, status in answers.items() if status != 401} == {}


def test_the_token_opens_the_gate(application, client):
    header = {"Authorization": f"Bearer {TOKEN}"}
    answers = [client.request(*request, headers=header).status_code for request in behind_the_gate(application)]

    assert 401 not in answers


def test_the_health_routes_are_open_and_say_nothing(client):
    for path in ("/health/live", "/health/ready", "/health/startup"):
        answer = client.get(path)
        assert answer.status_code in (200, 503)
        assert answer.json().keys() <= {"status", "checks"}
