"""Every route but the two of health is behind the gate."""

import uuid
from dataclasses import replace
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import create_app
from strongroom.access.errors import PermissionDeniedError, StepUpRequiredError
from strongroom.access.operation import Gravity
from strongroom.access.operations import PUBLIC, ROUTES
from strongroom.access.principals import Role, Scope
from strongroom.errors import StrongroomError
from strongroom.runtime import Runtime
from strongroom.stepup.errors import StepUpRefusedError

HEALTH = {"/health/live", "/health/startup"}
PUBLIC_PATHS = {row.name.split()[1] for row in PUBLIC}


@pytest.fixture
def catalog_url(sqlite_catalog_url):
    """These tests are about HTTP, so one kind of catalog is enough."""
    return sqlite_catalog_url


def routes(client: httpx.Client) -> list[tuple[str, str]]:
    """Return method and path of every route behind the gate that the API describes, and of the description."""
    public = {row.name for row in PUBLIC}
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


def answers(client: httpx.Client, described: list[tuple[str, str]]) -> dict[str, Any]:
    """Return what each operation answers; some have nothing to say."""
    found = {f"{method} {path}": call(client, method, path) for method, path in described}
    return {
        name: answer.json() if "json" in answer.headers.get("content-type", "") else None
        for name, answer in found.items()
    }


def codes(found: dict[str, Any], error: type[StrongroomError]) -> set[str]:
    """Return which operations were answered with this error."""
    return {name for name, answer in found.items() if isinstance(answer, dict) and answer.get("code") == error.code}


@pytest.mark.parametrize("scope", Scope)
def test_a_service_token_opens_what_the_table_says_and_no_more(client, make_machine, scope):
    machine = make_machine(scope)
    found = answers(machine, routes(client))

    assert codes(found, PermissionDeniedError) == {row.name for row in ROUTES if row.scope is not scope}


@pytest.mark.parametrize("role", Role)
def test_a_role_opens_what_the_table_says_and_no_more(app, client, role):
    described, login = routes(client), app.state.gate.authenticate
    app.state.gate.authenticate = lambda shown: replace(login(shown), role=role)
    found = answers(client, described)

    assert codes(found, PermissionDeniedError) == {row.name for row in ROUTES if row.role > role}
    assert codes(found, StepUpRequiredError) == {
        row.name for row in ROUTES if row.role <= role and row.gravity is Gravity.DESTROY
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


SIGNED = {
    "/v1/holds": {"source": "website", "reason": "case 4711"},
    f"/v1/alerts/{uuid.UUID(int=1)}/ack": {},
    "/v1/alert-silences": {"matcher": {"source": "shop"}, "reason": "moving", "seconds": 60},
    "/v1/queues/backup/pause": {"reason": "disk change"},
    "/v1/retention/runs": {},
}


@pytest.mark.parametrize("path", SIGNED)
def test_a_name_that_a_request_gives_itself_is_refused_with_what_to_do(client, path):
    answer = client.post(path, json=SIGNED[path] | {"by": "canary-name"})

    assert (answer.status_code, answer.json()["code"]) == (422, "api.invalid_request")
    assert "leave `by` out" in answer.json()["detail"]
    assert "canary-name" not in answer.text


def test_what_a_service_token_does_is_written_down_as_the_tokens(make_machine):
    paused = make_machine("change").post("/v1/queues/backup/pause", json={"reason": "disk change"})

    assert paused.json()["paused_by"] == "token machine-0"
