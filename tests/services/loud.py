"""Fakes of the places that hear of alerts, on loopback: an HTTP server that keeps what it gets and a mail server.

Both can be told to hang, to answer with an error, to cut their answer short, to send it a byte at a time, to redirect,
or to close the door.
"""

import json
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

SECONDS_OF_A_HANG = 30.0


class Mood(StrEnum):
    """How a fake behaves."""

    WELL = "well"
    HANGS = "hangs"
    FAILS = "fails"
    CUTS = "cuts"
    DRIPS = "drips"
    REDIRECTS = "redirects"
    SLAMS = "slams"
    BABBLES = "babbles"


@dataclass(frozen=True, slots=True)
class Heard:
    """One request: when it came in, by the clock on the wall, and what it was."""

    at: float
    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    answered: bool = True
    """Whether the fake took it."""

    @property
    def json(self) -> Any:
        """Return the body as JSON."""
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        """Return the body as a form."""
        return {name: values[0] for name, values in parse_qs(self.body.decode()).items()}

    @property
    def query(self) -> dict[str, str]:
        """Return the query of the address."""
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}


@dataclass(slots=True)
class Ear:
    """A server and what it has heard."""

    url: str = ""
    port: int = 0
    mood: Mood = Mood.WELL
    redirect_to: str = "http://127.0.0.1:1/"
    lines: list[str] = field(default_factory=list)
    """What a mail server was told, but for the mails."""
    refuses: str = ""
    """A recipient that a mail server does not take mail for."""
    heard: list[Heard] = field(default_factory=list)
    changed: threading.Condition = field(default_factory=threading.Condition)
    ending: threading.Event = field(default_factory=threading.Event)

    def keep(self, heard: Heard) -> None:
        """Keep what was heard and wake up who waits for it."""
        with self.changed:
            self.heard.append(heard)
            self.changed.notify_all()

    def wait_for(self, count: int, seconds: float = 30.0) -> list[Heard]:
        """Return what was heard once it is so much; fails when it does not become so much in time."""
        with self.changed:
            assert self.changed.wait_for(lambda: len(self.heard) >= count, seconds), f"heard {len(self.heard)}"
            return list(self.heard)

    def paths(self) -> list[str]:
        """Return the paths that were asked for, in order."""
        return [urlsplit(heard.path).path for heard in self.heard]


@contextmanager
def listening() -> Iterator[Ear]:
    """Listen on a free port of loopback."""
    ear = Ear()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    setattr(server, "ear", ear)  # noqa: B010 - the server's type does not know it
    server.daemon_threads = True
    ear.port = server.server_address[1]
    ear.url = f"http://127.0.0.1:{ear.port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield ear
    finally:
        ear.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    @property
    def ear(self) -> Ear:
        """Return what belongs to this server."""
        ear: Ear = getattr(self.server, "ear")  # noqa: B009 - the server's type does not know it
        return ear

    def do_POST(self) -> None:
        """Keep the request and behave as the mood is."""
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        # Who is killed while it speaks has said nothing.
        answered = self.ear.mood is Mood.WELL and len(body) == length
        self.ear.keep(Heard(time.time(), self.command, self.path, dict(self.headers), body, answered))
        self.close_connection = True
        self._behave(self.ear.mood)

    do_GET = do_POST  # noqa: N815 - the name is the standard library's

    def _behave(self, mood: Mood) -> None:
        behaviour: dict[Mood, Callable[[], object]] = {
            Mood.WELL: lambda: self._answer(202, b'{"status": "success"}'),
            Mood.FAILS: lambda: self._answer(500, b"{}"),
            Mood.HANGS: lambda: self.ear.ending.wait(SECONDS_OF_A_HANG),
            Mood.DRIPS: self._drip,
            Mood.CUTS: lambda: self._answer(200, b"{", length=1000),
            Mood.REDIRECTS: lambda: self._answer(302, b"", location=self.ear.redirect_to),
            Mood.SLAMS: lambda: None,
            Mood.BABBLES: lambda: self._answer(200, b"x" * 200_000),
        }
        with suppress(OSError):
            behaviour[mood]()

    def _answer(self, status: int, body: bytes, *, length: int | None = None, location: str | None = None) -> None:
        self.send_response(status)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        if location is not None:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n" * 10:
            if self.ear.ending.wait(0.1):
                return
            self.wfile.write(bytes([byte]))

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@contextmanager
def mailing() -> Iterator[Ear]:
    """Take mail on a free port of loopback; `heard` has one entry for a mail, its path the recipients."""
    ear = Ear()

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _speak_smtp(self, ear)

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    ear.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield ear
    finally:
        ear.ending.set()
        server.shutdown()
        server.server_close()
        thread.join()


def _speak_smtp(handler: socketserver.StreamRequestHandler, ear: Ear) -> None:
    if ear.mood is Mood.HANGS:
        ear.ending.wait(SECONDS_OF_A_HANG)
        return
    if ear.mood is Mood.SLAMS:
        return
    handler.wfile.write(b"220 fake ready\r\n")
    recipients: list[str] = []
    while line := handler.rfile.readline().decode().strip():
        ear.lines.append(line)
        verb = line[:4].upper()
        if verb == "DATA":
            _take_mail(handler, ear, recipients)
        elif verb == "RCPT" and (ear.mood is Mood.FAILS or (ear.refuses and ear.refuses in line)):
            handler.wfile.write(b"550 no such user\r\n")
        else:
            recipients += [line] if verb == "RCPT" else []
            handler.wfile.write(b"250 ok\r\n")


def _take_mail(handler: socketserver.StreamRequestHandler, ear: Ear, recipients: list[str]) -> None:
    handler.wfile.write(b"354 go on\r\n")
    lines = []
    while (line := handler.rfile.readline()) not in (b".\r\n", b""):
        lines.append(line)
    if ear.mood is Mood.CUTS:
        return
    ear.keep(Heard(time.time(), "MAIL", " ".join(recipients), {}, b"".join(lines)))
    handler.wfile.write(b"250 taken\r\n")


@pytest.fixture
def ear() -> Iterator[Ear]:
    """An HTTP server that keeps what it hears."""
    with listening() as opened:
        yield opened


@pytest.fixture
def other_ear() -> Iterator[Ear]:
    """Another one."""
    with listening() as opened:
        yield opened


@pytest.fixture
def mail_ear() -> Iterator[Ear]:
    """A mail server that keeps what it takes."""
    with mailing() as opened:
        yield opened
