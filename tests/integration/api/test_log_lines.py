"""What the API and the jobs that it is asked for write to the log: who asked, and nothing that breaks a line."""

import io
import json
import logging
import time
import uuid
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from strongroom.jobs.runner import run_job
from strongroom.logs.handler import DroppingHandler
from strongroom.logs.json_lines import JsonLines
from strongroom.runtime import Runtime

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
ROOMS = ("strongroom", "api")
EVIL = '\r\n{"level": "CRITICAL"}\x1b[2J\u202e\x00'
ANSWERED = ("http.request", "http.malformed")
Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def catalog_url(sqlite_catalog_url: str) -> str:
    """These tests are about lines, so one kind of catalog is enough."""
    return sqlite_catalog_url


@pytest.fixture
def lines() -> Iterator[Lines]:
    """Have the log written as processes write it; the function returns its lines."""
    written = io.StringIO()
    handler = DroppingHandler(written)
    handler.setFormatter(JsonLines("api"))
    loggers = [logging.getLogger(name) for name in ROOMS]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG)

    def read() -> list[dict[str, Any]]:
        printed = written.getvalue().removesuffix("\n").split("\n")
        assert [line for line in printed if not line.isprintable()] == []
        return [json.loads(line) for line in printed if line]

    yield read
    for logger, level in zip(loggers, levels, strict=True):
        logger.removeHandler(handler)
        logger.setLevel(level)


def answered(lines: Lines, trace_id: str = TRACE) -> dict[str, Any]:
    """Return the line about a request, which is written just after the caller has its answer."""
    deadline = time.monotonic() + 60
    while True:
        for line in lines():
            if line["event"] in ANSWERED and line["trace_id"] == trace_id:
                return line
        assert time.monotonic() < deadline, "The line about the request is not written."
        time.sleep(0.01)


def of_trace(lines: Lines) -> list[dict[str, Any]]:
    return [line for line in lines() if line.get("trace_id") == TRACE]


def test_an_operators_request_and_every_line_of_its_job_name_the_operator(
    client: httpx.Client, runtime: Runtime, lines: Lines
):
    job = client.post("/v1/backups", json={"source": "website"}, headers={"X-Trace-Id": TRACE}).json()["id"]

    def fail(_: object) -> dict[str, object]:
        raise RuntimeError("unforeseen")

    run_job(runtime.services().ledger, uuid.UUID(job), fail, owner="tests")

    request = answered(lines)
    of_the_job = [line for line in lines() if line.get("job_id") == job]
    assert len(of_the_job) >= 3
    assert {(line["username"], line["user_id"], line["request_id"]) for line in [request, *of_the_job]} == {
        ("ada", request["user_id"], request["request_id"])
    }
    assert {line["trace_id"] for line in [request, *of_the_job]} == {TRACE}


def test_a_service_token_shows_its_name(make_machine: Callable[..., httpx.Client], runtime: Runtime, lines: Lines):
    machine = make_machine("run:backup:website")
    asked = machine.post("/v1/backups", json={"source": "website"}, headers={"X-Trace-Id": TRACE})
    run_job(runtime.services().ledger, uuid.UUID(asked.json()["id"]), lambda _: {}, owner="tests")

    assert answered(lines)["username"] == "machine-0"
    named = [line["username"] for line in of_trace(lines) if "username" in line]
    assert set(named) == {"machine-0"}
    assert len(named) >= 3
    shown = machine.headers["Authorization"].removeprefix("Bearer ")
    assert shown not in json.dumps(lines())


def test_a_stranger_has_no_name(stranger: httpx.Client, lines: Lines):
    stranger.get("/v1/sources", headers={"X-Trace-Id": TRACE})

    assert answered(lines)
    assert [line for line in of_trace(lines) if {"username", "user_id"} & line.keys()] == []


@pytest.mark.parametrize(
    "ask",
    [
        lambda client: client.get(f"/v1/jobs/{quote(EVIL, safe='')}"),
        lambda client: client.get("/v1/audit", params={"actor": EVIL}),
        lambda client: client.post("/v1/backups", json={"source": EVIL}),
        lambda client: client.post("/v1/backups", json={"source": "website"}, headers={"Idempotency-Key": "a\tb"}),
        lambda client: client.post("/api/v1/auth/login", json={"username": EVIL, "password": EVIL}),
        lambda client: client.post("/v1/queues/backup/pause", json={"reason": EVIL}),
        lambda client: client.get("/v1/sources", headers={b"X-Request-ID": b"x\xc2\x9b31m", b"X-Trace-Id": b"\x1b[2J"}),
        lambda client: client.get("/v1/sources", headers={"User-Agent": "\x1b[31m", "traceparent": "\x1b[31m"}),
    ],
    ids=["path", "query", "name", "key", "login", "reason", "ids", "agent"],
)
def test_what_a_caller_sends_ends_no_line_and_moves_no_cursor(
    ask: Callable[[httpx.Client], httpx.Response], client: httpx.Client, lines: Lines
):
    answer = ask(client)

    assert answer.status_code != 500
    assert answered(lines, answer.headers["x-trace-id"].replace("-", ""))
    assert [line for line in lines() if line["level"] == "CRITICAL"] == []
