"""A real browser shows the board in the page of another site, once; by keyboard, to screen readers, light and dark."""

import secrets
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse
from starlette.routing import Route
from starlette.types import ASGIApp

from api.app import create_app
from strongroom.access.principals import Grant, Principal, PrincipalKind, Scope
from strongroom.runtime import build_runtime
from strongroom.settings import load_settings
from tests.services.browser import Browser, running_browser
from tests.services.certificates import Certificates, make_certificates
from tests.services.ports import ReservedPort
from tests.services.valkey import Valkey

pytestmark = pytest.mark.usefixtures("patience")

TOKEN = "a service token for tests"
PORTAL_ITSELF = Principal("1", "portal", PrincipalKind.SERVICE, scopes=frozenset({Grant(Scope.READ)}))
TAB = "\ue004"
PORTAL = '<!doctype html><html lang="en"><title>Portal</title><h1>Portal</h1><iframe title="Backups" src="{}"></iframe>'


@pytest.fixture(scope="module")
def browser(run_directory: Path) -> Iterator[Browser]:
    with running_browser(run_directory / f"browser-{secrets.token_hex(4)}") as running:
        yield running


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path / "tls")


@pytest.fixture
def serve(certificates: Certificates) -> Iterator[Callable[[ASGIApp, int], None]]:
    """A function that serves an application over TLS until the end of the test."""
    running: list[tuple[uvicorn.Server, threading.Thread]] = []

    def start(app: ASGIApp, port: int) -> None:
        files = {"ssl_certfile": certificates.cert, "ssl_keyfile": str(certificates.key)}
        server = uvicorn.Server(
            uvicorn.Config(app, host="127.0.0.1", port=port, log_config=None, lifespan="off", **files)
        )
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        running.append((server, thread))
        while not server.started:
            assert thread.is_alive(), "A server did not start."
            time.sleep(0.01)

    yield start
    for server, thread in running:
        # The browser keeps its connections; nobody waits for it to let them go.
        server.should_exit = server.force_exit = True
        thread.join()


@pytest.fixture
def ports() -> Iterator[list[int]]:
    reserved = [ReservedPort() for _ in range(3)]
    yield [port.number for port in reserved]
    for port in reserved:
        port.release()


@pytest.fixture
def portal(serve, ports, valkey: Valkey, sqlite_catalog_url: str, tmp_path: Path) -> Callable[..., str]:
    """A function that returns the address of a portal's page, which embeds the board; a stranger's is not listed."""
    api, listed, other = ports
    config = tmp_path / "strongroom.toml"
    config.write_text(
        f"""
[regions.here]
path = "here"
[sources.website]
kind = "files"
path = "website"
[sessions]
embedded_in = ["https://127.0.0.1:{listed}"]
"""
    )
    variables = {"STRONGROOM_CATALOG_URL": sqlite_catalog_url}
    redis = {"REDIS_HOST": "127.0.0.1", "REDIS_PORT": str(valkey.port), "REDIS_PASSWORD": valkey.password}
    runtime = build_runtime(load_settings(config, variables | redis))
    app = create_app(runtime, lambda message: None)
    app.state.gate.authenticate = lambda _: PORTAL_ITSELF
    serve(app, api)

    async def show(request: Request) -> HTMLResponse:
        return HTMLResponse(PORTAL.format(f"https://localhost:{api}{request.query_params['url']}"))

    for port in (listed, other):
        serve(Starlette(routes=[Route("/", show)]), port)

    def create(headers: dict[str, str]) -> httpx.Response:
        url = f"https://localhost:{api}/auth/create-session"
        return httpx.post(url, headers=headers, verify=False, trust_env=False)

    def page(*, stranger: bool = False) -> str:
        headers = {"Authorization": f"Bearer {TOKEN}"}
        # On a busy machine the first connection's epoch may be written too late for one request.
        while (made := create(headers)).status_code == 503:
            time.sleep(0.05)
        return f"https://127.0.0.1:{other if stranger else listed}/?url={made.json()['iframe_url']}"

    return page


def until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < deadline, "It did not come to that."
        time.sleep(0.05)


def open_board(browser: Browser, address: str) -> None:
    browser.open(address)
    browser.enter_frame()
    until(lambda: browser.text("#verdict") not in ("", "Loading…"))


def test_the_board_is_shown_in_the_page_of_another_site_once(browser: Browser, portal):
    address = portal()
    open_board(browser, address)

    assert browser.text("#verdict") == "1 of 1 sources need attention"
    assert browser.text("tbody tr").startswith("website")
    assert "no backup yet" in browser.text("tbody tr")
    # Gone from the address, and out of reach of scripts.
    assert browser.run("return [location.search, document.cookie]") == ["", ""]

    browser.open(address)
    browser.enter_frame()
    assert browser.text("h1") == "This board is closed"
    assert "website" not in browser.text("body")


def test_the_page_of_a_site_that_is_not_listed_shows_nothing(browser: Browser, portal):
    browser.open(portal(stranger=True))
    browser.enter_frame()

    assert "Backup status" not in browser.run("return document.documentElement.outerHTML")


def test_it_is_used_by_keyboard_and_read_aloud(browser: Browser, portal, ports):
    # Not inside another page: the driver reads aloud only what is in the first one.
    browser.open(f"https://localhost:{ports[0]}{portal().partition('?url=')[2]}")
    until(lambda: browser.text("#verdict") not in ("", "Loading…"))
    order = []
    for _ in range(2):
        browser.press(TAB)
        order.append(browser.run("return document.activeElement.id || document.activeElement.className"))

    assert order == ["again", "scroll"]
    assert (browser.role("#verdict"), browser.role("table"), browser.role("tbody th")) == (
        "status", "table", "rowheader"
    )  # fmt: skip
    assert browser.label("table") == "Sources, those that need attention first"
    assert browser.label("#again") == "Refresh"
    assert browser.run("return document.documentElement.lang") == "en"
    # The sign is for eyes, the word for everybody.
    assert browser.run("return document.querySelector('td.bad').innerText").startswith("✕ no backup")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_letters_can_be_read_in_light_and_dark(browser: Browser, portal, scheme: str):
    browser.prefer(scheme)
    open_board(browser, portal())

    ground = colour(browser, "body", "backgroundColor")
    assert (luminance(ground) > 0.5) == (scheme == "light")
    for selector in ("body", "#moment", "td.bad", "#verdict", "caption"):
        # WCAG 2.2, 1.4.3: 4.5 to 1.
        assert contrast(colour(browser, selector, "color"), ground) >= 4.5, selector


def colour(browser: Browser, selector: str, name: str) -> list[int]:
    found = browser.run(f"return getComputedStyle(document.querySelector({selector!r})).{name}")
    return [int(part) for part in found.partition("(")[2].rstrip(")").split(",")[:3]]


def luminance(colour: list[int]) -> float:
    parts = [part / 255 for part in colour]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one: list[int], other: list[int]) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)
