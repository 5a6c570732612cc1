"""Values that no database keeps are the caller's mistake, and no failure of the server."""

import json

import httpx
import pytest

ODD = ["a\0", "\ud800"]


@pytest.mark.parametrize(
    "path",
    [
        "/v1/jobs?source=%00",
        "/v1/backups?source=a%00",
        "/v1/alerts?source=%00",
        "/v1/audit?actor=%00",
        "/v1/audit?since=0001-01-01T00:00:00%2B14:00",
        "/v1/reencryptions/99999999999999999999999",
    ],
)
def test_in_addresses(client: httpx.Client, path: str) -> None:
    assert client.get(path).status_code < 500


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/v1/step-up/challenges", {"verb": "keys.destroy", "target": "ODD"}),
        ("/v1/alert-silences", {"matcher": {"source": "ODD"}, "reason": "planned work", "seconds": 60}),
        ("/v1/backups", {"source": "ODD"}),
        ("/v1/tokens", {"name": "ODD", "kind": "ci", "grants": ["read"]}),
    ],
)
def test_in_bodies(client: httpx.Client, path: str, body: dict[str, object], odd: str) -> None:
    content = json.dumps(body).replace("ODD", json.dumps(odd)[1:-1])
    answer = client.post(path, content=content, headers={"Content-Type": "application/json"})

    assert answer.status_code < 500
    assert answer.headers["content-type"] in ("application/problem+json", "application/json")


def test_a_crowd_of_unknown_fields_is_not_answered_one_by_one(stranger: httpx.Client) -> None:
    many = {"username": "ana", "password": "x"} | {f"field-{number}": 1 for number in range(50_000)}
    answer = stranger.post("/api/v1/auth/login", json=many)

    assert answer.status_code == 422
    assert len(answer.content) < 10_000


def test_the_name_of_an_unknown_field_is_not_repeated_at_any_length(stranger: httpx.Client) -> None:
    answer = stranger.post("/api/v1/auth/login", json={"username": "ana", "password": "x", "k" * 100_000: 1})

    assert answer.status_code == 422
    assert len(answer.content) < 10_000
