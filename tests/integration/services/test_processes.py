import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server, ServiceStartError


@pytest.fixture
def port() -> Iterator[ReservedPort]:
    reserved = ReservedPort()
    yield reserved
    reserved.release()


def test_a_server_may_listen_on_a_port_that_is_reserved_for_it(port: ReservedPort) -> None:
    with socket.create_server((LOOPBACK, port.number)), socket.create_connection((LOOPBACK, port.number)):
        pass


def test_nobody_else_is_given_a_reserved_port(port: ReservedPort) -> None:
    with socket.socket() as somebody, pytest.raises(OSError, match="in use"):
        somebody.bind((LOOPBACK, port.number))


def test_a_server_runs_in_its_directory_until_it_is_stopped(tmp_path: Path) -> None:
    program = "import pathlib, time; pathlib.Path('here').touch(); time.sleep(600)"
    server = Server("sleeper", [sys.executable, "-c", program], tmp_path)
    server.start((tmp_path / "here").exists)
    assert server.pid is not None
    server.stop()
    assert server.pid is None


def test_a_server_that_ignores_the_request_to_end_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.services.processes.STOP_SECONDS", 0.5)
    program = (
        "import pathlib, signal, time; signal.signal(15, signal.SIG_IGN); pathlib.Path('here').touch(); time.sleep(600)"
    )
    server = Server("stubborn", [sys.executable, "-c", program], tmp_path)
    server.start((tmp_path / "here").exists)
    server.stop()
    assert server.pid is None


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(tmp_path: Path) -> None:
    server = Server("broken", [sys.executable, "-c", "raise SystemExit('no space left')"], tmp_path)
    with pytest.raises(ServiceStartError, match="no space left"):
        server.start(lambda: False)


def test_a_server_that_never_answers_is_ended_and_reported(tmp_path: Path) -> None:
    server = Server("mute", ["sleep", "600"], tmp_path)
    with pytest.raises(ServiceStartError, match="did not answer"):
        server.start(lambda: False, seconds=0.1)
    assert server.pid is None
