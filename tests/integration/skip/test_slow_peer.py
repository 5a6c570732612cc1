"""A peer that goes on sending, and never ends, is given up when the time is over."""

import socket
import ssl
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.clock import SystemClock
from strongroom.keysync.addresses import MOST_AT_ONCE, Resolver
from strongroom.keysync.certificates import Authority
from strongroom.keysync.transport import HttpWire, client_context
from strongroom.keysync.wire_errors import PeerUnreachableError
from strongroom.settings import PeerFaceSettings, PeerSettings

HEADER = b"HTTP/1.1 200 OK\r\nX-Slow: "
BODY = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"


class Dripping:
    """Answers with a beginning at once, and then with a byte now and again until it is closed."""

    def __init__(self, context: ssl.SSLContext, beginning: bytes) -> None:
        self._context, self._beginning = context, beginning
        self._closed = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._answer)
        self._thread.start()

    def _answer(self) -> None:
        plain, _ = self._listener.accept()
        with plain, self._context.wrap_socket(plain, server_side=True) as connection:
            connection.recv(65536)
            connection.sendall(self._beginning)
            # Ends by itself, so that a client without a deadline fails and does not hang.
            for _ in range(40):
                if self._closed.wait(0.1):
                    return
                try:
                    connection.sendall(b"x")
                except OSError:
                    return

    def close(self) -> None:
        self._closed.set()
        self._thread.join()
        self._listener.close()


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> PeerFaceSettings:
    directory: Path = tmp_path_factory.mktemp("shown")
    now = datetime.now(UTC)
    authority = Authority("Peers", now, 10)
    issued = authority.issue_provider("KP-B", ["127.0.0.1"], now, 5)
    for name, text in (("ca.pem", authority.certificate), ("b.pem", issued.certificate), ("b.key", issued.key)):
        (directory / name).write_bytes(text)
    return PeerFaceSettings(certificate=directory / "b.pem", key=directory / "b.key", peer_ca=directory / "ca.pem")


@pytest.fixture(params=[HEADER, BODY], ids=["header", "body"])
def dripping(request: pytest.FixtureRequest, shown: PeerFaceSettings) -> Iterator[Dripping]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert shown.certificate is not None
    context.load_cert_chain(shown.certificate, shown.key)
    peer = Dripping(context, request.param)
    yield peer
    peer.close()


def test_a_peer_that_sends_byte_after_byte_is_given_up_in_time(shown: PeerFaceSettings, dripping: Dripping) -> None:
    peer = PeerSettings(name="b", system_id="KP-B", url=f"https://127.0.0.1:{dripping.port}")
    wire = HttpWire(peer, client_context(shown), SystemClock())
    try:
        with pytest.raises(PeerUnreachableError, match="Timeout"):
            wire.post(b"{}", 0.5)
    finally:
        wire.close()


def test_a_resolver_that_does_not_answer_is_given_up_in_time(shown: PeerFaceSettings) -> None:
    answers = threading.Event()

    def look_up(host: str, port: int) -> list[str]:
        answers.wait(30)
        return ["127.0.0.1"]

    peer = PeerSettings(name="b", system_id="KP-B", url="https://kp-b.example.org:1")
    wire = HttpWire(peer, client_context(shown), SystemClock(), Resolver(look_up))
    before = set(threading.enumerate())
    try:
        with pytest.raises(PeerUnreachableError, match="ConnectTimeout"):
            wire.post(b"{}", 0.1)
        # No more threads than some are left behind, and who finds none free does not wait.
        for _ in range(MOST_AT_ONCE):
            with pytest.raises(PeerUnreachableError, match="ConnectTimeout"):
                wire.post(b"{}", 0.01)
        assert len(set(threading.enumerate()) - before) < MOST_AT_ONCE + 10
    finally:
        answers.set()
        wire.close()


def test_the_next_address_of_a_host_is_tried_where_one_does_not_answer(shown: PeerFaceSettings) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    assert shown.certificate is not None
    context.load_cert_chain(shown.certificate, shown.key)
    dripping = Dripping(context, BODY)
    peer = PeerSettings(name="b", system_id="KP-B", url=f"https://127.0.0.1:{dripping.port}")
    wire = HttpWire(peer, client_context(shown), SystemClock(), Resolver(lambda *_: ["127.0.0.2", "127.0.0.1"]))
    try:
        with pytest.raises(PeerUnreachableError, match="ReadTimeout"):
            wire.post(b"{}", 2.0)
    finally:
        wire.close()
        dripping.close()


def test_a_host_that_nobody_knows_is_unreachable(shown: PeerFaceSettings) -> None:
    peer = PeerSettings(name="b", system_id="KP-B", url="https://kp-b.example.org:1")
    wire = HttpWire(peer, client_context(shown), SystemClock(), Resolver(lambda *_: []))
    with pytest.raises(PeerUnreachableError, match="ConnectError"):
        wire.post(b"{}", 1.0)
