"""Every route but the two of health is behind the gate."""

import httpx
import pytest
from fastapi.routing import APIRoute

from api.app import create_app
from strongroom.runtime import Runtime

OPEN = {"/health/live", "/health/ready"}


@pytest.fixture
def catalog_url(sqlite_catalog_url):
    """These tests are about HTTP, so one kind of catalog is enough."""
    return sqlite_catalog_url


def routes(client: httpx.Client) -> list[tuple[str, str]]:
    """Return method and path of every route that the API describes, and of the description."""
    paths = client.get("/openapi.json").json()["paths"]
    described = [(method.upper(), path) for path, methods in paths.items() for method in methods]
    return [*described, ("GET", "/openapi.json")]


def call(client: httpx.Client, method: str, path: str, **options: object) -> httpx.Response:
    filled = path.replace("{job_id}", "x").replace("{backup_id}", "x").replace("{restore_id}", "x")
    return client.request(method, filled.replace("{verification_id}", "x"), **options)  # type: ignore[arg-type]  # options of httpx, passed on


@pytest.mark.parametrize("authorization", [None, "Bearer wrong", "Bearer", "Basic YTpi", "a service token for tests"])
def test_no_route_but_health_answers_without_the_token(client, stranger, authorization):
    headers = {} if authorization is None else {"Authorization": authorization}
    gated = [(method, path) for method, path in routes(client) if path not in OPEN]
    assert len(gated) > 14

    answers = {path: call(stranger, method, path, headers=headers) for method, path in gated}

    assert {path for path, answer in answers.items() if answer.status_code != 401} == set()
    assert {answer.json()["code"] for answer in answers.values()} == {"api.token_refused"}
    assert {answer.headers["www-authenticate"] for answer in answers.values()} == {"Bearer"}


def test_the_description_names_every_route_there_is(client, runtime: Runtime):
    app = create_app(runtime, publish=lambda message: None)
    described = {path for _, path in routes(client)}

    assert {route.path for route in app.routes if isinstance(route, APIRoute)} <= described


def test_every_route_lets_the_token_pass(client):
    answers = {path: call(client, method, path) for method, path in routes(client)}

    assert {path for path, answer in answers.items() if answer.status_code in (401, 403)} == set()


@pytest.mark.parametrize("path", ["/docs", "/redoc", "/v1/openapi.json"])
def test_no_page_is_open_to_everybody(stranger, path):
    assert stranger.get(path).status_code == 404


@pytest.mark.parametrize("path", sorted(OPEN))
def test_health_answers_everybody_and_tells_nothing_else(stranger, path):
    answer = stranger.get(path)

    assert answer.status_code == 200
    assert answer.json() == {"status": "pass"}


@pytest.mark.parametrize("content", [b"{", b"\xff\xfe", b"[]", b""])
def test_who_has_no_token_is_not_told_what_is_wrong_with_a_body(stranger, content):
    answer = stranger.post("/v1/backups", content=content, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (401, "api.token_refused")
    assert answer.headers["www-authenticate"] == "Bearer"
