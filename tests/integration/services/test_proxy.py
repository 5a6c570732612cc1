import socket
import threading
from collections.abc import Callable, Iterator

import pytest

from tests.services.proxy import Direction, TcpProxy

PATIENCE = 10.0
ANSWER = b"a" * 100_000


def _serve(listener: socket.socket) -> None:
    while True:
        try:
            connection, _ = listener.accept()
        except OSError:
            return
        threading.Thread(target=_answer, args=(connection,), daemon=True).start()


def _answer(connection: socket.socket) -> None:
    with connection:
        try:
            while connection.recv(1):
                connection.sendall(ANSWER)
        except OSError:
            return


@pytest.fixture
def proxy(tcp_proxy: Callable[[str], TcpProxy]) -> Iterator[TcpProxy]:
    """A proxy in front of a server that sends ANSWER for every byte it gets."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=_serve, args=(listener,), daemon=True).start()
        yield tcp_proxy(f"tcp://127.0.0.1:{listener.getsockname()[1]}/")
        listener.shutdown(socket.SHUT_RDWR)


def _connect(proxy: TcpProxy) -> socket.socket:
    return socket.create_connection(("127.0.0.1", proxy.port), timeout=PATIENCE)


def _ask(connection: socket.socket) -> bytes:
    connection.sendall(b"?")
    return _receive(connection)


def _receive(connection: socket.socket) -> bytes:
    received = b""
    while len(received) < len(ANSWER) and (piece := connection.recv(65536)):
        received += piece
    return received


def _is_silent(connection: socket.socket) -> bool:
    connection.sendall(b"?")
    connection.settimeout(0.3)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    return True


def test_a_url_keeps_its_password_and_path_through_the_proxy(tcp_proxy: Callable[[str], TcpProxy]) -> None:
    proxy = tcp_proxy("redis://:secret@127.0.0.1:1/0")
    assert proxy.url == f"redis://:secret@127.0.0.1:{proxy.port}/0"


def test_bytes_pass_unchanged(proxy: TcpProxy) -> None:
    with _connect(proxy) as connection:
        assert _ask(connection) == ANSWER
        assert _ask(connection) == ANSWER


def test_a_client_that_ends_is_seen_to_end_by_the_server(proxy: TcpProxy) -> None:
    with _connect(proxy) as connection:
        connection.shutdown(socket.SHUT_WR)
        assert connection.recv(1) == b""


def test_delayed_bytes_arrive(proxy: TcpProxy) -> None:
    proxy.delay(0.05)
    with _connect(proxy) as connection:
        assert _ask(connection) == ANSWER


def test_an_answer_is_cut_after_the_given_bytes(proxy: TcpProxy) -> None:
    proxy.cut_after(70_000)
    with _connect(proxy) as connection:
        assert _ask(connection) == ANSWER[:70_000]


def test_an_answer_may_be_cut_by_a_reset(proxy: TcpProxy) -> None:
    proxy.cut_after(10, with_reset=True)
    with _connect(proxy) as connection, pytest.raises(ConnectionResetError):
        _ask(connection)


def test_a_request_is_cut_after_the_given_bytes(proxy: TcpProxy) -> None:
    proxy.cut_after(1, direction=Direction.REQUESTS)
    with _connect(proxy) as connection:
        assert _ask(connection) == ANSWER
        assert _ask(connection) == b""


def test_a_black_hole_accepts_and_never_answers(proxy: TcpProxy) -> None:
    with _connect(proxy) as open_before:
        assert _ask(open_before) == ANSWER
        proxy.black_hole()
        with _connect(proxy) as opened_after:
            assert _is_silent(open_before)
            assert _is_silent(opened_after)


def test_half_open_connections_stay_silent_while_new_ones_work(proxy: TcpProxy) -> None:
    with _connect(proxy) as open_before:
        assert _ask(open_before) == ANSWER
        proxy.half_open()
        assert _is_silent(open_before)
        with _connect(proxy) as opened_after:
            assert _ask(opened_after) == ANSWER


def test_a_reset_reaches_open_and_new_connections(proxy: TcpProxy) -> None:
    with _connect(proxy) as open_before:
        assert _ask(open_before) == ANSWER
        proxy.reset()
        with pytest.raises(ConnectionResetError):
            _ask(open_before)
    with pytest.raises(ConnectionResetError), _connect(proxy) as opened_after:
        _ask(opened_after)


def test_a_refusing_proxy_looks_like_a_server_that_is_down_and_comes_back(proxy: TcpProxy) -> None:
    proxy.refuse()
    with pytest.raises(ConnectionRefusedError):
        _connect(proxy)
    proxy.forward()
    with _connect(proxy) as connection:
        assert _ask(connection) == ANSWER


def test_a_server_that_is_down_ends_the_connection(tcp_proxy: Callable[[str], TcpProxy]) -> None:
    with _connect(tcp_proxy("tcp://127.0.0.1:1/")) as connection:
        assert connection.recv(1) == b""
