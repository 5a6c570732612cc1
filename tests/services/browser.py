"""A real browser without a window, driven by the WebDriver protocol: Debian's chromium and chromedriver."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx

from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server, make_private_directory
from tests.services.requirement import service_is_missing

ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
OPTIONS = (
    "--headless=new",
    "--disable-background-networking",
    "--disable-dev-shm-usage",
    "--disable-gpu",
    "--no-first-run",
    # Tests run as root in containers, where its own sandbox does not start.
    "--no-sandbox",
)


class Browser:
    """One session of a browser; certificates of nobody are taken as good."""

    def __init__(self, driver: httpx.Client, session: str) -> None:
        self._driver = driver
        self._session = session

    def call(self, method: str, path: str, **body: Any) -> Any:
        """Send one command and return its value; raises HTTPStatusError."""
        answer = self._driver.request(
            method, f"/session/{self._session}{path}", json=body if method == "POST" else None
        )
        answer.raise_for_status()
        return answer.json()["value"]

    def open(self, url: str) -> None:
        """Go to a page and wait until it is there."""
        self.call("POST", "/url", url=url)

    def find(self, selector: str) -> str:
        """Return the id of an element."""
        found: str = self.call("POST", "/element", using="css selector", value=selector)[ELEMENT]
        return found

    def enter_frame(self, selector: str = "iframe") -> None:
        """Speak of what is in a frame from now on."""
        self.call("POST", "/frame", id={ELEMENT: self.find(selector)})

    def leave_frame(self) -> None:
        """Speak of the whole page again."""
        self.call("POST", "/frame", id=None)

    def text(self, selector: str) -> str:
        """Return what is to be read in an element."""
        read: str = self.call("GET", f"/element/{self.find(selector)}/text")
        return read

    def role(self, selector: str) -> str:
        """Return what a screen reader takes an element for."""
        role: str = self.call("GET", f"/element/{self.find(selector)}/computedrole")
        return role

    def label(self, selector: str) -> str:
        """Return what a screen reader calls an element."""
        label: str = self.call("GET", f"/element/{self.find(selector)}/computedlabel")
        return label

    def press(self, key: str) -> None:
        """Press a key and let it go."""
        strokes = [{"type": "keyDown", "value": key}, {"type": "keyUp", "value": key}]
        self.call("POST", "/actions", actions=[{"type": "key", "id": "keys", "actions": strokes}])

    def run(self, script: str) -> Any:
        """Return what a script returns."""
        return self.call("POST", "/execute/sync", script=script, args=[])

    def prefer(self, scheme: str) -> None:
        """Prefer `light` or `dark` pages."""
        media = {"features": [{"name": "prefers-color-scheme", "value": scheme}]}
        self.call("POST", "/goog/cdp/execute", cmd="Emulation.setEmulatedMedia", params=media)


@contextmanager
def running_browser(directory: Path) -> Iterator[Browser]:
    """Run a browser with its files in the new `directory`."""
    programs = {name: shutil.which(name) for name in ("chromium", "chromedriver")}
    missing = [name for name, path in programs.items() if path is None]
    if missing:
        service_is_missing(f"There is no {' and no '.join(missing)}: `tests/install-services`.")
    make_private_directory(directory)
    port = ReservedPort()
    server = Server("chromedriver", [str(programs["chromedriver"]), f"--port={port.number}"], directory)
    with httpx.Client(base_url=f"http://{LOOPBACK}:{port.number}", trust_env=False, timeout=60) as driver:

        def answers() -> bool:
            try:
                return bool(driver.get("/status").json()["value"]["ready"])
            except httpx.TransportError:
                return False

        try:
            server.start(answers)
            chrome = {"binary": programs["chromium"], "args": [*OPTIONS, f"--user-data-dir={directory}/profile"]}
            wanted = {"acceptInsecureCerts": True, "goog:chromeOptions": chrome}
            made = driver.post("/session", json={"capabilities": {"alwaysMatch": wanted}})
            made.raise_for_status()
            browser = Browser(driver, made.json()["value"]["sessionId"])
            try:
                yield browser
            finally:
                browser.call("DELETE", "")
        finally:
            server.kill()
            port.release()
