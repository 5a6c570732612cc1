"""Whatever goes wrong, the answer is a problem with a stable code and the ids of the request."""

import json
import socket
import time

import httpx
import pytest

import api.status
from api import status
from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.tracing import is_trace_id

CANARY = "canary-secret-in-an-error"


@pytest.fixture
def catalog_url(sqlite_catalog_url):
    """These tests are about HTTP, so one kind of catalog is enough."""
    return sqlite_catalog_url


TRACE = "4bf92f35-77b3-4da6-a3ce-929d0e0e4736"
PARENT = f"00-{TRACE.replace('-', '')}-00f067aa0ba902b7-01"


def fail(*_):
    raise RuntimeError(CANARY)


def assert_problem(answer, code, status):
    body = answer.json()
    assert answer.headers["content-type"] == "application/problem+json"
    assert (answer.status_code, body["status"], body["code"]) == (status, status, code)
    assert body["request_id"] == answer.headers["x-request-id"]
    assert answer.headers["x-trace-id"]
    assert {"type", "title", "detail", "next_step"} <= body.keys()


def test_a_path_that_is_not_there(client):
    assert_problem(client.get("/v1/backup"), "api.no_such_path", 404)
    assert_problem(client.get("/v1/backups/"), "api.no_such_path", 404)


def test_a_method_that_is_not_there_names_those_that_are(client):
    answer = client.delete("/v1/backups")

    assert_problem(answer, "api.no_such_method", 405)
    assert answer.headers["allow"]


@pytest.mark.parametrize(
    "content",
    [b"{", b"\xff\xfe", b"[]", b'"text"', b"", b'{"source": 5}', b'{"source": ""}', b'{"source": "x", "more": 1}'],
)
def test_a_body_that_is_not_what_is_expected(client, content):
    answer = client.post("/v1/backups", content=content, headers={"Content-Type": "application/json"})

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.status_code in (400, 422)
    assert answer.json()["code"] in ("api.invalid_request", "api.unreadable_request")


def test_what_was_sent_is_not_sent_back(client):
    answer = client.post("/v1/backups", json={"source": {"password": CANARY}})

    assert_problem(answer, "api.invalid_request", 422)
    assert CANARY not in answer.text


def test_a_body_that_is_too_long_is_refused_whether_it_says_so_or_not(client):
    body = b'{"source": "' + b"x" * (1 << 20) + b'"}'

    def in_pieces():
        for start in range(0, len(body), 65536):
            yield body[start : start + 65536]

    said = client.post("/v1/backups", content=body, headers={"Content-Type": "application/json"})
    unsaid = client.post("/v1/backups", content=in_pieces(), headers={"Content-Type": "application/json"})

    assert_problem(said, "api.body_too_large", 413)
    assert_problem(unsaid, "api.body_too_large", 413)


def test_an_error_nobody_foresaw_tells_nothing_but_where_to_look(client, monkeypatch):
    def fail(services):
        raise RuntimeError(CANARY)

    monkeypatch.setattr(status, "status", fail)

    answer = client.get("/v1/status")

    assert_problem(answer, "api.unexpected", 500)
    assert CANARY not in answer.text


def test_a_catalog_that_is_away_is_said_to_be_so(client, runtime, monkeypatch):
    def fail(services):
        raise CatalogUnavailableError("The catalog is away.", next_step="Start it.")

    monkeypatch.setattr(status, "status", fail)

    answer = client.get("/v1/status")

    assert_problem(answer, "catalog.unavailable", 503)
    assert answer.headers["retry-after"] == "5"


@pytest.mark.parametrize(
    "headers",
    [
        {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        {"X-Trace-Id": "4bf92f3577b34da6a3ce929d0e0e4736"},
        {"traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01", "X-Trace-Id": "f" * 32},
    ],
)
def test_a_trace_id_is_taken_over(client, headers):
    answer = client.get("/v1/sources", headers=headers)

    assert answer.headers["x-trace-id"] == "4bf92f3577b34da6a3ce929d0e0e4736"


def test_a_trace_id_is_answered_in_the_spelling_of_the_caller(client):
    given = "4BF92F35-77B3-4DA6-A3CE-929D0E0E4736"

    answer = client.post("/v1/backups", json={"source": "website"}, headers={"X-Trace-Id": given})

    assert answer.headers["x-trace-id"] == given
    assert answer.json()["trace_id"] == given.replace("-", "").lower()


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"traceparent": "00-00000000000000000000000000000000-00f067aa0ba902b7-01"},
        {"traceparent": "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"},
        {"X-Trace-Id": "line; break=1"},
        {"X-Trace-Id": "x" * 5000},
    ],
)
def test_a_trace_id_that_is_none_is_replaced(client, headers):
    first, second = client.get("/v1/sources", headers=headers), client.get("/v1/sources", headers=headers)

    assert first.headers["x-trace-id"] != second.headers["x-trace-id"]
    assert first.headers["x-request-id"] != second.headers["x-request-id"]
    assert first.headers["x-trace-id"] not in headers.values()


@pytest.mark.parametrize(
    ("method", "path", "options", "status"),
    [
        ("GET", "/v1/backup", {}, 404),
        ("DELETE", "/v1/backups", {}, 405),
        ("POST", "/v1/backups", {"content": b"x" * ((1 << 20) + 1)}, 413),
        ("POST", "/v1/backups", {"content": b"{"}, 422),
        ("GET", "/v1/status", {}, 500),
        ("GET", "/v1/sources", {"headers": {"Authorization": "Bearer wrong"}}, 401),
    ],
)
def test_an_answer_before_or_instead_of_a_route_has_the_ids_too(client, monkeypatch, method, path, options, status):
    monkeypatch.setattr(api.status, "status", fail)
    headers = {"X-Trace-Id": TRACE, **options.pop("headers", {})}

    answer = client.request(method, path, headers=headers, **options)

    assert answer.status_code == status
    assert answer.headers["x-trace-id"] == TRACE
    assert answer.json()["request_id"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    "sent",
    [
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET /\x1b[31m HTTP/1.1\r\nHost: x\r\n\r\n",
        b"POST /v1/backups HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc",
    ],
    ids=["line", "header", "escape", "length", "tls"],
)
def test_what_is_no_http_is_answered_with_both_ids_and_without_what_was_sent(base_url, caplog, sent):
    place = httpx.URL(base_url)
    with socket.create_connection((place.host, place.port), timeout=20) as connection, caplog.at_level("WARNING"):
        connection.sendall(sent)
        answered = b"".join(iter(lambda: connection.recv(65536), b""))

    head, _, body = answered.decode().partition("\r\n\r\n")
    lines = dict(line.lower().split(": ", 1) for line in head.split("\r\n")[1:])
    problem = json.loads(body)
    assert head.startswith("HTTP/1.1 400 ")
    assert (problem["code"], problem["status"]) == ("api.unreadable_request", 400)
    assert problem["request_id"] == lines["x-request-id"]
    assert is_trace_id(lines["x-trace-id"].replace("-", ""))
    assert lines["content-length"] == str(len(body))
    assert "http.malformed: Invalid HTTP request received." in caplog.text


def test_a_traceparent_wins_over_the_other_header_on_errors_too(client):
    answer = client.get("/v1/backup", headers={"traceparent": PARENT, "X-Trace-Id": "f" * 32})

    assert answer.headers["x-trace-id"] == TRACE.replace("-", "")


def test_a_request_id_of_the_caller_is_noted_and_never_taken_over(client, caplog):
    with caplog.at_level("INFO"):
        answer = client.get("/v1/sources", headers={"X-Request-ID": "order-7", "X-Trace-Id": "shop.4"})
        # The line is written when the caller has its answer already.
        while not (lines := [one for one in caplog.records if getattr(one, "event", "") == "http.request"]):
            time.sleep(0.01)

    assert answer.headers["x-request-id"] != "order-7"
    (line,) = lines
    assert line.getMessage().endswith(" called order-7,shop.4")
