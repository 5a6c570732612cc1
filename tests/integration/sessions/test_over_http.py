"""One-time sessions and the page they open, over real HTTP: paths and fields as required, and what browsers hear."""

import logging
import re
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from fastapi import FastAPI
from sqlalchemy import select

from api.app import create_app
from api.client.headers import VISIT_COOKIE
from api.sessions.reuse import is_told
from api.sessions.setting_up import PATIENCE
from strongroom.access.errors import CredentialRefusal
from strongroom.access.principals import Grant, Principal, PrincipalKind, Scope
from strongroom.accounts.tokens import refused
from strongroom.catalog.alerts import Alert
from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.keyring.key_file import KeyFile
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings
from tests.services.audit import audit_rows
from tests.services.proxy import TcpProxy
from tests.services.valkey import Valkey

TOKEN = "a service token for tests"
PORTAL = "https://portal.example.org"
CONFIG = f"""
[regions.here]
path = "here"

[sources.website]
kind = "files"
path = "website"

[sessions]
max_sessions = 5
embedded_in = ["{PORTAL}"]
"""


@pytest.fixture
def redis_proxy(valkey: Valkey, tcp_proxy) -> TcpProxy:
    return tcp_proxy(f"redis://127.0.0.1:{valkey.port}")


def portal(shown: str) -> Principal:
    """Take the token for that of a portal, which may look at everything."""
    if shown != TOKEN:
        raise refused(CredentialRefusal.UNKNOWN)
    return Principal("1", "portal", PrincipalKind.SERVICE, scopes=frozenset({Grant(Scope.READ)}))


@pytest.fixture
def app(
    redis_proxy: TcpProxy, valkey: Valkey, sqlite_catalog_url: str, tmp_path: Path, patience: float
) -> Iterator[FastAPI]:
    KeyFile.create(tmp_path / "strongroom.keys", ["here"])
    config = tmp_path / "strongroom.toml"
    config.write_text(CONFIG)
    variables = {
        "STRONGROOM_CATALOG_URL": sqlite_catalog_url,
        "REDIS_HOST": "127.0.0.1",
        "REDIS_PORT": str(redis_proxy.port),
        "REDIS_PASSWORD": valkey.password,
    }
    runtime = build_runtime(load_settings(config, variables))
    built = create_app(runtime, lambda message: None)
    built.state.gate.authenticate = portal
    yield built
    runtime.close()


@pytest.fixture
def base_url(app: FastAPI) -> Iterator[str]:
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_config=None))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "The API did not start."
        time.sleep(0.01)
    yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    server.should_exit = True
    thread.join()


@pytest.fixture
def opened_alerts(sqlite_catalog_url: str) -> Iterator[Callable[[], list[tuple[str, str]]]]:
    """Return what tells the cause and severity of every alert."""
    catalog = Catalog(open_engine(sqlite_catalog_url))

    def read() -> list[tuple[str, str]]:
        with catalog.read() as session:
            return [(alert.cause, alert.severity.value) for alert in session.scalars(select(Alert))]

    yield read
    catalog.close()


@pytest.fixture
def stranger(base_url: str) -> Iterator[httpx.Client]:
    """A client without a token."""
    with httpx.Client(base_url=base_url, trust_env=False, timeout=20) as client:
        yield client


@pytest.fixture
def client(base_url: str) -> Iterator[httpx.Client]:
    """A client with the token."""
    headers = {"Authorization": f"Bearer {TOKEN}"}
    with httpx.Client(base_url=base_url, headers=headers, trust_env=False, timeout=20) as client:
        while client.get("/auth/redis-health").status_code != 200:
            time.sleep(0.05)
        yield client


def make(client: httpx.Client) -> dict[str, object]:
    answer = client.post("/auth/create-session")
    assert answer.status_code == 200, answer.text
    document: dict[str, object] = answer.json()
    return document


def make_at_last(client: httpx.Client) -> httpx.Response:
    while (answer := client.post("/auth/create-session")).status_code == 503:
        time.sleep(0.05)
    return answer


def test_a_session_is_made_with_the_fields_of_the_requirement_and_validated_once(client, stranger):
    made = make(client)

    assert made == {
        "session_id": made["session_id"],
        "expires_in_minutes": 30,
        "iframe_url": f"/client/iframe.html?session_id={made['session_id']}",
        "storage": "redis",
    }
    answers = [stranger.get("/auth/validate-session", params={"session_id": made["session_id"]}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 401]
    used = answers[0].json()
    assert used == {
        "valid": True,
        "session_id": made["session_id"],
        "created_at": used["created_at"],
        "expires_at": used["expires_at"],
        "used": True,
        "iframe_opened": False,
        "used_at": used["used_at"],
    }
    assert used["created_at"] <= used["used_at"] < used["expires_at"]
    assert "Session ID Invalid" in answers[1].json()["detail"]
    assert all(answer.headers["cache-control"] == "no-store" for answer in answers[:1])


def test_an_id_in_a_body_is_used_once_too(client, stranger):
    session_id = make(client)["session_id"]

    answers = [stranger.post("/auth/validate-session", json={"session_id": session_id}) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [200, 401]


@pytest.mark.parametrize(
    "body", [b"", b"[]", b'"x"', b"{", b'{"session_id": 7}', b'{"session_id": ["x"]}', b"[" * 100_000, b"\xff"]
)
def test_a_body_that_is_none_gets_the_answer_of_a_wrong_id(client, stranger, body: bytes):
    wrong = stranger.post("/auth/validate-session", json={"session_id": "A" * 43})
    answer = stranger.post("/auth/validate-session", content=body)

    assert answer.status_code == wrong.status_code == 401
    assert answer.json() | {"request_id": ""} == wrong.json() | {"request_id": ""}


def test_an_address_that_shows_used_sessions_three_times_opens_an_alert(app, client, stranger, opened_alerts):
    session_id = make(client)["session_id"]
    answers = [stranger.post("/auth/validate-session", json={"session_id": session_id})]
    for _ in range(2):
        answers.append(stranger.post("/auth/validate-session", json={"session_id": session_id}))
        stranger.post("/auth/validate-session", json={"session_id": "A" * 43})
    assert opened_alerts() == []
    answers.append(stranger.get("/client/iframe.html", params={"session_id": session_id}))

    assert [answer.status_code for answer in answers] == [200, 401, 401, 401]
    assert opened_alerts() == [("sessions.reused", "high")]
    app.state.refusals.flush()
    reused = audit_rows(app.state.desk.services.catalog, action="authn_token_reuse")
    assert sum(_times(row.reason) for row in reused) == 3
    assert {(row.actor_kind, row.address, row.outcome) for row in reused} == {("stranger", "127.0.0.1", "refused")}
    assert all(row.reason.startswith("one-time session used") for row in reused)
    assert session_id not in "".join(row.target for row in reused)


def _times(reason: str) -> int:
    counted = re.search(r"(\d+) times\Z", reason)
    return int(counted[1]) if counted else 1


def test_the_alert_of_used_sessions_hears_of_a_flood_ever_more_rarely():
    assert [times for times in range(100) if is_told(times)] == [3, 6, 12, 24, 48, 96]


def test_nobody_makes_or_counts_sessions_without_a_token(stranger):
    assert stranger.post("/auth/create-session").status_code == 401
    assert stranger.get("/auth/session-status").status_code == 401


def test_when_there_are_too_many_callers_hear_for_how_long(client):
    for _ in range(5):
        make(client)
    answer = client.post("/auth/create-session")

    assert answer.status_code == 429
    assert 1700 < int(answer.headers["retry-after"]) <= 1800
    status = client.get("/auth/session-status").json()
    assert status == {
        "total_sessions": 5,
        "active_sessions": 5,
        "used_sessions": 0,
        "total_created": 5,
        "total_used": 0,
        "total_refused": 1,
        "max_sessions": 5,
        "storage": "redis",
        "redis_healthy": True,
    }


@pytest.mark.parametrize("patience", [PATIENCE], indirect=True)
@pytest.mark.parametrize("fault", ["refuse", "black_hole"])
def test_without_redis_every_route_says_so_and_when_to_ask_again(client, stranger, redis_proxy, fault):
    made = make_at_last(client).json()
    shown = {"Cookie": f"{VISIT_COOKIE}={'v' * 43}"}
    getattr(redis_proxy, fault)()

    asked = {
        "create": client.post("/auth/create-session"),
        "validate": stranger.get("/auth/validate-session", params={"session_id": made["session_id"]}),
        "validate by POST": stranger.post("/auth/validate-session", json={"session_id": made["session_id"]}),
        "page": stranger.get(str(made["iframe_url"])),
        "board": stranger.get("/client/board.json", headers=shown),
        "status": client.get("/auth/session-status"),
        "health": stranger.get("/auth/redis-health"),
    }

    assert {name: answer.status_code for name, answer in asked.items()} == dict.fromkeys(asked, 503)
    assert {answer.headers["retry-after"] for answer in asked.values()} == {"2"}
    assert "Service Temporarily Unavailable" in asked["create"].json()["detail"]
    assert asked["health"].json().keys() == {"status", "message", "timestamp"}
    assert asked["health"].json()["status"] == "unhealthy"
    assert not asked["page"].cookies
    redis_proxy.forward()
    assert make_at_last(client).status_code == 200


def test_head_and_prefetching_use_nothing_up(client, stranger):
    made = make(client)
    url = str(made["iframe_url"])

    refused = [
        stranger.head(url),
        stranger.head("/auth/validate-session", params={"session_id": made["session_id"]}),
        stranger.get(url, headers={"Sec-Purpose": "prefetch;prerender"}),
        stranger.get(url, headers={"X-Moz": "prefetch"}),
        stranger.get(
            "/auth/validate-session", params={"session_id": made["session_id"]}, headers={"Purpose": "preview"}
        ),
    ]

    assert [answer.status_code for answer in refused] == [405, 405, 403, 403, 403]
    assert stranger.get(url).status_code == 200


def test_the_page_opens_once_and_its_cookie_shows_the_board_and_nothing_else(client, stranger):
    url = str(make(client)["iframe_url"])
    first, second = stranger.get(url), stranger.get(url)

    assert (first.status_code, second.status_code) == (200, 401)
    assert "set-cookie" not in second.headers
    cookie = first.headers["set-cookie"]
    name_and_value, *attributes = cookie.split("; ")
    assert {"HttpOnly", "Secure", "SameSite=None", "Partitioned", "Path=/", "Max-Age=1800"} == set(attributes)
    shown = stranger.get("/client/board.json", headers={"Cookie": name_and_value})
    assert shown.status_code == 200
    assert shown.json()["sources"] == [
        {
            "name": "website",
            "verdict": "no backup yet",
            "last_backup_at": None,
            "copies": 0,
            "copies_wanted": 0,
            "next_run_at": shown.json()["sources"][0]["next_run_at"],
        }
    ]
    for path in ("/v1/status", "/v1/backups", "/auth/session-status", "/openapi.json"):
        assert stranger.get(path, headers={"Cookie": name_and_value}).status_code == 401


@pytest.mark.parametrize("cookie", ["", "__Host-strongroom-visit=", f"__Host-strongroom-visit={'A' * 43}", "x=y"])
def test_the_board_is_shown_to_no_other_cookie(client, stranger, cookie: str):
    assert stranger.get("/client/board.json", headers={"Cookie": cookie}).status_code == 401


def test_a_session_that_was_validated_opens_no_page_and_a_visit_is_no_session(client, stranger):
    made = make(client)
    stranger.get("/auth/validate-session", params={"session_id": made["session_id"]})
    assert stranger.get(str(made["iframe_url"])).status_code == 401

    opened = stranger.get(str(make(client)["iframe_url"]))
    visit = opened.headers["set-cookie"].partition("=")[2].partition(";")[0]
    assert stranger.get("/client/iframe.html", params={"session_id": visit}).status_code == 401


def test_browsers_embed_the_page_where_the_settings_say_and_run_nothing_that_is_in_it(client, stranger):
    page = stranger.get(str(make(client)["iframe_url"]))
    policy = dict(rule.split(" ", 1) for rule in page.headers["content-security-policy"].split("; "))

    assert policy["default-src"] == "'none'"
    assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
    assert policy["frame-ancestors"] == f"'self' {PORTAL}"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert page.headers["cache-control"] == "no-store"
    for file, kind in (("board.js", "text/javascript"), ("board.css", "text/css")):
        answer = stranger.get(f"/client/{file}")
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
    assert " style=" not in page.text
    assert "<script src=" in page.text


def test_the_log_of_requests_and_all_else_that_is_logged_holds_no_id(client, stranger, caplog, base_url, monkeypatch):
    # A server with another log of requests, such as another test's in this process, changes this one for good.
    monkeypatch.setattr(logging.getLogger("uvicorn.access"), "propagate", True)
    caplog.set_level(logging.INFO, logger="uvicorn.access")
    # What these clients of the test log is not ours.
    for name in ("httpx", "httpcore"):
        caplog.set_level(logging.WARNING, logger=name)
    with caplog.at_level(logging.DEBUG):
        made = make(client)
        opened = stranger.get(str(made["iframe_url"]))
        stranger.get("/auth/validate-session", params={"session_id": made["session_id"]})
        # The server logs after it has answered.
        stranger.get("/health/live")
    visit = opened.headers["set-cookie"].partition("=")[2].partition(";")[0]
    lines = [record.getMessage() for record in caplog.records if not record.name.startswith(("httpx", "httpcore"))]

    assert any("/client/iframe.html?session_id=[hidden]" in line for line in lines)
    assert not [line for line in lines if str(made["session_id"]) in line or visit in line]
