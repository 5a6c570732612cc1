"""What a face lets in, and for how long: nobody fills it with connections, handshakes or requests that never end."""

import asyncio
import logging
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from api.peer import app as peer_app
from api.peer import turns
from api.peer.app import PeerFace, create_app
from api.peer.listening import listener
from api.peer.turns import MOST_IN_WORK, MOST_WAITING, Turns
from api.tls import doors, serving
from api.tls.serving import make_server
from strongroom.clock import system_random
from strongroom.keysync.answering import REFUSED, Answer
from strongroom.keysync.certificates import Authority
from strongroom.keysync.refusals import Reason
from strongroom.settings import PeerFaceSettings, SkipSettings
from tests.services.ports import ReservedPort

HEAD = b"POST /sync HTTP/1.1\r\nHost: b\r\nContent-Length: 10\r\n\r\n"


@dataclass
class Desk:
    """Takes messages of KP-A, and may be slow."""

    refused: list[tuple[Reason, str | None]] = field(default_factory=list)
    in_work: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    go_on: threading.Event = field(default_factory=threading.Event)

    def receive(self, body: bytes, tls_peer: str | None) -> Answer:
        self.in_work.release()
        assert self.go_on.wait(30)
        return Answer(200, b"{}")

    def refuse(self, reason: Reason, tls_peer: str | None) -> Answer:
        self.refused.append((reason, tls_peer))
        return REFUSED

    def knows(self, tls_peer: str | None) -> bool:
        return tls_peer == "KP-A"


@dataclass
class Town:
    """A face for peers, and how to come to it."""

    shown: Path
    port: int
    desk: Desk

    def plain(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def caller(self, name: str = "KP-A") -> ssl.SSLSocket:
        context = ssl.create_default_context(cafile=self.shown / "ca.pem")
        context.load_cert_chain(self.shown / f"{name}.pem", self.shown / f"{name}.key")
        return context.wrap_socket(self.plain(), server_hostname="127.0.0.1")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("shown")
    now = datetime.now(UTC)
    authority = Authority("Peers", now, 10)
    (directory / "ca.pem").write_bytes(authority.certificate)
    for name in ("KP-A", "KP-B", "KP-C"):
        issued = authority.issue_provider(name, ["127.0.0.1"], now, 5)
        (directory / f"{name}.pem").write_bytes(issued.certificate)
        (directory / f"{name}.key").write_bytes(issued.key)
    return directory


@contextmanager
def running(shown: Path, most_connections: int = 100) -> Iterator[Town]:
    port, desk = ReservedPort(), Desk()
    files = {"certificate": shown / "KP-B.pem", "key": shown / "KP-B.key", "peer_ca": shown / "ca.pem"}
    skip = SkipSettings(system_id="KP-B", peer_face=PeerFaceSettings(port=port.number, **files))
    app = create_app(PeerFace(desk, lambda _: {}, lambda: None), system_random)
    server = make_server(app, [listener(skip)], most_connections)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        while not server.started:
            thread.join(0.01)
            assert thread.is_alive()
        yield Town(shown, port.number, desk)
    finally:
        desk.go_on.set()
        server.should_exit = True
        thread.join(20)
        port.release()


def rest(connection: socket.socket) -> bytes:
    """Return what comes until the other side ends the connection."""
    said = b""
    try:
        while part := connection.recv(4096):
            said += part
    except ConnectionResetError:
        pass
    return said


def status(connection: socket.socket) -> bytes:
    return connection.recv(4096).split(b"\r\n", 1)[0]


def let_in(town: Town) -> ssl.SSLSocket:
    """Come until there is room."""
    for _ in range(200):
        with suppress(ssl.SSLError, ConnectionResetError):
            return town.caller()
        time.sleep(0.05)
    raise AssertionError("there is no room")


def test_who_does_not_shake_hands_is_sent_away(shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doors, "HANDSHAKE_SECONDS", 0.1)
    with running(shown, most_connections=1) as town:
        with town.plain() as silent:
            assert rest(silent) == b""

        # The place is free again, and who comes is given the time that shaking hands takes.
        monkeypatch.setattr(doors, "HANDSHAKE_SECONDS", 20.0)
        town.desk.go_on.set()
        with town.caller() as connection:
            connection.sendall(HEAD + b"0123456789")
            assert status(connection) == b"HTTP/1.1 200 OK"


def test_no_more_connections_are_open_than_there_may_be(shown: Path, caplog: pytest.LogCaptureFixture) -> None:
    with running(shown, most_connections=2) as town, ExitStack() as opened:
        first, _ = opened.enter_context(town.caller()), opened.enter_context(town.caller())
        with town.plain() as third:
            assert rest(third) == b""
        assert "skip.no_room connections=2 turned_away=1" in caplog.text

        first.sendall(b"nonsense\r\n\r\n")
        assert rest(first).startswith(b"HTTP/1.1 400 ")
        town.desk.go_on.set()
        first.close()
        last = opened.enter_context(let_in(town))
        last.sendall(HEAD + b"0123456789")
        assert status(last) == b"HTTP/1.1 200 OK"


def test_a_certificate_that_is_refused_stands_in_the_log(
    shown: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = datetime.now(UTC)
    false = Authority("Others", now, 10).issue_provider("KP-A", ["127.0.0.1"], now, 5)
    (tmp_path / "KP-A.pem").write_bytes(false.certificate)
    (tmp_path / "KP-A.key").write_bytes(false.key)
    (tmp_path / "ca.pem").write_bytes((shown / "ca.pem").read_bytes())
    with running(shown) as town, caplog.at_level(logging.WARNING):
        town.shown = tmp_path
        with suppress(ssl.SSLError, ConnectionResetError), town.caller() as connection:
            assert connection.recv(1) == b""
        # The caller hears of the end before the log does.
        patience = time.monotonic() + 10
        while "skip.tls_refused" not in caplog.text and time.monotonic() < patience:
            time.sleep(0.01)
        assert "skip.tls_refused reason=" in caplog.text


@pytest.mark.parametrize("beginning", [b"POST /sync HT", b"GET / HTTP/1.1\r\nX: 1"])
def test_a_head_that_does_not_end_is_not_waited_for(
    shown: Path, monkeypatch: pytest.MonkeyPatch, beginning: bytes
) -> None:
    monkeypatch.setattr(serving, "HEAD_SECONDS", 0.1)
    with running(shown) as town, town.caller() as slow:
        slow.sendall(beginning)
        assert rest(slow) == b""


def test_who_never_asks_anything_is_sent_away(shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serving, "IDLE_SECONDS", 0.1)
    with running(shown) as town, town.caller() as silent:
        assert rest(silent) == b""


def test_a_body_that_does_not_come_is_refused_in_time(shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peer_app, "BODY_SECONDS", 0.1)
    with running(shown) as town, town.caller() as slow:
        slow.sendall(HEAD + b"01234")
        answer = rest(slow)

    assert answer.startswith(b"HTTP/1.1 400 ")
    assert answer.endswith(b'{"error":"refused"}')
    assert town.desk.refused == [(Reason.SLOW, "KP-A")]


def test_nothing_is_read_of_who_is_no_peer(shown: Path) -> None:
    with running(shown) as town, town.caller("KP-C") as stranger:
        stranger.sendall(HEAD)
        assert rest(stranger).startswith(b"HTTP/1.1 400 ")

    assert town.desk.refused == [(Reason.UNKNOWN_PEER, "KP-C")]


def test_few_messages_of_one_peer_are_worked_on_at_a_time(shown: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "WAIT_SECONDS", 0.1)
    with running(shown) as town, ExitStack() as opened:
        callers = [opened.enter_context(town.caller()) for _ in range(MOST_IN_WORK + 1)]
        for caller in callers[:-1]:
            caller.sendall(HEAD + b"0123456789")
        for _ in range(MOST_IN_WORK):
            assert town.desk.in_work.acquire(timeout=20)

        callers[-1].sendall(HEAD + b"0123456789")
        assert rest(callers[-1]).startswith(b"HTTP/1.1 503 ")
        town.desk.go_on.set()
        assert {status(caller) for caller in callers[:-1]} == {b"HTTP/1.1 200 OK"}


def test_a_turn_is_waited_for_by_some_and_one_peer_takes_none_of_another() -> None:
    async def crowd() -> list[bool]:
        these, go_on = Turns(), asyncio.Event()

        async def come(peer: str, wait: Callable[[], object]) -> bool:
            async with these.one(peer) as has_turn:
                await go_on.wait() if has_turn and peer == "KP-A" else wait()
                return has_turn

        coming = [asyncio.create_task(come("KP-A", bool)) for _ in range(MOST_IN_WORK + MOST_WAITING + 3)]
        await asyncio.sleep(0)
        assert await come("KP-C", bool)
        go_on.set()
        return await asyncio.gather(*coming)

    assert asyncio.run(crowd()) == [True] * (MOST_IN_WORK + MOST_WAITING) + [False] * 3


def test_an_answer_does_not_wait_until_the_caller_confirms_the_part_before_it() -> None:
    async def connect() -> int:
        made: asyncio.Queue[asyncio.BaseTransport] = asyncio.Queue()

        class Caller(asyncio.Protocol):
            def connection_made(self, transport: asyncio.BaseTransport) -> None:
                made.put_nowait(transport)

        door = doors.Door("127.0.0.1", 0, None, lambda _: Caller(), doors.Room(1))
        door.open()
        _, writer = await asyncio.open_connection(*door.sockets[0].getsockname())
        try:
            accepted: socket.socket = (await made.get()).get_extra_info("socket")
            return accepted.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        finally:
            writer.close()
            door.close()
            await door.wait_closed()

    assert asyncio.run(connect()) == 1
