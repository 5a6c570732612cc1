"""Every route but the two of health is behind the gate."""

from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import create_app
from strongroom.access.errors import PermissionDeniedError, StepUpRequiredError
from strongroom.access.operation import Gravity
from strongroom.access.operations import OWN, PUBLIC, ROUTES
from strongroom.access.principals import Role, Scope
from strongroom.errors import StrongroomError
from strongroom.runtime import Runtime
from strongroom.stepup.errors import StepUpRefusedError

HEALTH = {"/health/live", "/health/ready"}
PUBLIC_PATHS = {row.name.split()[1] for row in (*PUBLIC, *OWN)}
GATED = [row for row in ROUTES if row not in OWN]


@pytest.fixture
def catalog_url(sqlite_catalog_url):
    """These tests are about HTTP, so one kind of catalog is enough."""
    return sqlite_catalog_url


def routes(client: httpx.Client) -> list[tuple[str, str]]:
    """Return method and path of every route behind the gate that the API describes, and of the description."""
    public = {row.name for row in (*PUBLIC, *OWN)}
    paths = client.get("/openapi.json").json()["paths"]
    described = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    described = [(method, path) for method, path in described if f"{method} {path}" not in public]
    return [*described, ("GET", "/openapi.json")]


def call(client: httpx.Client, method: str, path: str, **options: object) -> httpx.Response:
    filled = path.replace("{job_id}", "x").replace("{backup_id}", "x").replace("{restore_id}", "x")
    return client.request(method, filled.replace("{verification_id}", "x"), **options)  # type: ignore[arg-type]  # options of httpx, passed on


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer", "Basic YTpi", "strongroom_ci_x_y"])
def test_no_route_but_health_answers_without_the_token(client, stranger, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    gated = routes(client)
    assert len(gated) > 14

    answers = {path: call(stranger, method, path, headers=headers) for method, path in gated}

    assert {path for path, answer in answers.items() if answer.status_code != 401} == set()
    assert {answer.json()["code"] for answer in answers.values()} == {"access.credential_refused"}
    assert {answer.headers["www-authenticate"] for answer in answers.values()} == {"Bearer"}


def test_the_description_names_every_route_there_is(client, runtime: Runtime):
    app = create_app(runtime, publish=lambda message: None)
    described = {path for _, path in routes(client)}

    assert {route.path for route in app.routes if isinstance(route, APIRoute)} - PUBLIC_PATHS <= described


def codes(found: dict[str, Any], error: type[StrongroomError]) -> set[str]:
    """Return which operations were answered with this error."""
    return {name for name, answer in found.items() if isinstance(answer, dict) and answer.get("code") == error.code}


@pytest.mark.parametrize("scope", Scope)
def test_a_service_token_opens_what_the_table_says_and_no_more(client, make_machine, scope):
    machine = make_machine(scope)
    found = {f"{m} {p}": call(machine, m, p).json() for m, p in routes(client)}

    assert codes(found, PermissionDeniedError) == {row.name for row in GATED if row.scope is not scope}


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_what_the_table_says_and_no_more(app, client, role):
    described, login = routes(client), app.state.gate.authenticate
    app.state.gate.authenticate = lambda shown: replace(login(shown), role=role)
    found = {f"{m} {p}": call(client, m, p).json() for m, p in described}

    assert codes(found, PermissionDeniedError) == {row.name for row in GATED if row.role > role}
    assert codes(found, StepUpRequiredError) == {
        row.name for row in GATED if row.role <= role and row.gravity is Gravity.DESTROY
    }


def test_every_route_lets_pass_whom_the_table_lets(client):
    answers = {path: call(client, method, path, headers={"Step-Up": "x"}) for method, path in routes(client)}

    refused = {path: answer for path, answer in answers.items() if answer.status_code in (401, 403)}
    assert {path for path, answer in refused.items() if answer.json()["code"] != StepUpRefusedError.code} == set()


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/v1/openapi.json"])
def test_no_page_is_open_to_everybody(stranger, path):
    assert stranger.get(path).status_code == 404


@pytest.mark.parametrize("path", sorted(HEALTH))
def test_health_answers_everybody_and_tells_nothing_else(stranger, path):
    answer = stranger.get(path)

    assert answer.status_code == 200
    assert answer.json() == {"status": "pass"}


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b""])
def test_who_has_no_token_is_not_told_what_is_wrong_with_a_body(stranger, content):
    answer = stranger.post("/v1/backups", content=content, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (401, "access.credential_refused")
    assert answer.headers["www-authenticate"] == "Bearer"
