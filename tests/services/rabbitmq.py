"""A real RabbitMQ node on loopback ports, with a name service, a cookie and data of its own."""

import itertools
import os
import secrets
import shutil
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import amqp
import pytest

from tests.services.certificates import Certificates
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server, make_private_directory, unprivileged_account
from tests.services.requirement import service_is_missing

PROGRAMS = "/usr/lib/rabbitmq/bin:/usr/lib/rabbitmq/sbin:/opt/homebrew/sbin"
USER = "strongroom"
START_SECONDS = 90.0

SETTINGS = """\
default_user = {user}
default_pass = {password}
loopback_users = none
log.console = true
log.console.level = warning
log.file = false
# Erlang looks at the machine's memory; the tests do not care how full it is.
vm_memory_high_watermark.relative = 0.9
disk_free_limit.absolute = 10MB
"""

TLS = """\
listeners.tcp = none
listeners.ssl.1 = {host}:{port}
ssl_options.cacertfile = {files.ca}
ssl_options.certfile = {files.cert}
ssl_options.keyfile = {files.key}
ssl_options.verify = verify_peer
ssl_options.fail_if_no_peer_cert = true
"""


@dataclass(frozen=True)
class RabbitMq:
    """A running broker. Its data survive `stop`, `kill` and a following `start` on the same addresses."""

    server: Server
    port: int
    password: str
    tls: Certificates | None = None

    @property
    def url(self) -> str:
        """The address, with the password."""
        return f"{'amqps' if self.tls else 'amqp'}://{USER}:{self.password}@{LOOPBACK}:{self.port}//"

    def client(self) -> "amqp.Connection":
        """Return a new connection; close it, or use it as a context manager."""
        files = self.tls
        ssl = {"ca_certs": str(files.ca), "certfile": str(files.cert), "keyfile": str(files.key)} if files else False
        host = f"{LOOPBACK}:{self.port}"
        return amqp.Connection(host, userid=USER, password=self.password, connect_timeout=5, ssl=ssl)

    def start(self) -> None:
        """Start the server and wait until it answers."""
        self.server.start(self._answers, seconds=START_SECONDS)

    def stop(self) -> None:
        """Stop the server in order."""
        self.server.stop()

    def kill(self) -> None:
        """End the server as a power cut would."""
        self.server.kill()

    def empty(self, names: Sequence[str]) -> None:
        """Throw away every message of some queues; one that is not there is no fault."""
        with self.client() as client:
            for name in names:
                with suppress(amqp.NotFound):
                    client.channel().queue_purge(name)

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.connected)
        except (OSError, amqp.AMQPError):
            return False


def _programs() -> tuple[str, str]:
    server = shutil.which("rabbitmq-server", path=PROGRAMS)
    names = shutil.which("epmd")
    if server is None or names is None:
        service_is_missing("RabbitMQ is not installed: `tests/install-services`, or apt install rabbitmq-server.")
    return server, names


def _environment(directory: Path, distribution: int, names: int) -> dict[str, str]:
    return {
        # The cookie that lets programs command the node is made here, not in the home of whoever runs the tests.
        "HOME": str(directory),
        "RABBITMQ_CONFIG_FILE": str(directory / "rabbitmq.conf"),
        "RABBITMQ_CONF_ENV_FILE": os.devnull,
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(directory / "advanced.config"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(directory / "plugins"),
        "RABBITMQ_MNESIA_BASE": str(directory / "data"),
        "RABBITMQ_LOG_BASE": str(directory / "log"),
        "RABBITMQ_PID_FILE": str(directory / "node.pid"),
        # A lasting name: the data belong to it.
        "RABBITMQ_NODENAME": f"{directory.name}@localhost",
        "RABBITMQ_DIST_PORT": str(distribution),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "+S 1:1 -kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_EPMD_ADDRESS": LOOPBACK,
        "ERL_EPMD_PORT": str(names),
        # The script becomes the server, instead of waiting for it as a second process.
        "RUNNING_UNDER_SYSTEMD": "true",
    }


@contextmanager
def running_rabbitmq(
    directory: Path, *, tls: Certificates | None = None, more: str = "", advanced: str = "[]."
) -> Iterator[RabbitMq]:
    """Run a broker with its data in the new `directory` and stop it at the end.

    `more` is added to its settings; `advanced` is for what those have no word for, as an Erlang term.
    """
    program, names_program = _programs()
    account = unprivileged_account()
    make_private_directory(directory, account)
    port, distribution, names = ports = ReservedPort(), ReservedPort(), ReservedPort()
    password = secrets.token_urlsafe(18)
    settings, terms = directory / "rabbitmq.conf", directory / "advanced.config"
    settings.touch(mode=0o600)
    terms.write_text(advanced)
    terms.chmod(0o644)
    listener = (TLS if tls else "listeners.tcp.1 = {host}:{port}\n").format(host=LOOPBACK, port=port.number, files=tls)
    settings.write_text(SETTINGS.format(user=USER, password=password) + listener + more)
    if account:
        os.chown(settings, account.pw_uid, account.pw_gid)
    variables = _environment(directory, distribution.number, names.number)
    epmd = Server("epmd", [names_program], directory, variables, account)
    broker = RabbitMq(Server("rabbitmq", [program], directory, variables, account), port.number, password, tls)
    try:
        epmd.start(lambda: epmd.pid is not None)
        broker.start()
        yield broker
    finally:
        broker.kill()
        epmd.kill()
        for reserved in ports:
            reserved.release()


@pytest.fixture(scope="session")
def start_rabbitmq(run_directory: Path, worker_id: str) -> Iterator[Callable[[], RabbitMq]]:
    """A function that starts one more node, which runs until the end of the session."""
    numbers = itertools.count()
    with ExitStack() as stack:
        yield lambda: stack.enter_context(running_rabbitmq(run_directory / f"q-{worker_id}-{next(numbers)}"))


@pytest.fixture(scope="session")
def rabbitmq_node(start_rabbitmq: Callable[[], RabbitMq]) -> RabbitMq:
    """One node for all tests of an xdist worker: it takes seconds to start."""
    return start_rabbitmq()
