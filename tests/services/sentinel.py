"""A Redis master, its replica and a sentinel that watches both, over TLS with passwords and client certificates."""

import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis

from tests.services.certificates import Certificates, make_certificates
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server, make_private_directory
from tests.services.requirement import service_is_missing

MASTER_NAME = "strongroom"

COMMON = """\
bind {host}
port 0
tls-port {port}
tls-cert-file {files.cert}
tls-key-file {files.key}
tls-ca-cert-file {files.ca}
tls-auth-clients yes
tls-replication yes
requirepass {password}
"""

REDIS = """\
masterauth {password}
appendonly yes
save ""
repl-diskless-sync-delay 0
maxmemory-policy noeviction
"""

SENTINEL = """\
sentinel monitor {name} {host} {master} 1
sentinel auth-pass {name} {password}
sentinel down-after-milliseconds {name} 1000
sentinel failover-timeout {name} 5000
"""


@dataclass(frozen=True)
class TlsRedis:
    """One process that speaks Redis over TLS."""

    server: Server
    port: int
    password: str
    files: Certificates

    def client(self) -> "redis.Redis":
        """Return a new client; close it, or use it as a context manager."""
        return redis.Redis(
            host=LOOPBACK,
            port=self.port,
            password=self.password,
            ssl=True,
            ssl_ca_certs=str(self.files.ca),
            ssl_certfile=str(self.files.cert),
            ssl_keyfile=str(self.files.key),
            socket_timeout=5,
        )

    def start(self) -> None:
        """Start the process and wait until it answers."""
        self.server.start(self._answers)

    def is_master(self) -> bool:
        """Say whether this server takes writes now; it drops its connections when that changes."""
        try:
            with self.client() as client:
                return bool(client.role()[0] == b"master")
        except redis.ConnectionError:
            return False

    def _answers(self) -> bool:
        try:
            with self.client() as client:
                return bool(client.ping())
        except redis.ConnectionError:
            return False


@dataclass(frozen=True)
class SentinelCluster:
    """Two servers and a sentinel; at first `master` is the master."""

    master: TlsRedis
    replica: TlsRedis
    sentinel: TlsRedis

    @property
    def url(self) -> str:
        """The address of the sentinel, twice because installations have several, with the password of the master."""
        one = f"sentinel://:{self.master.password}@{LOOPBACK}:{self.sentinel.port}"
        return f"{one};{one}"

    @property
    def tls_url(self) -> str:
        """The address of the master without a sentinel."""
        return f"rediss://:{self.master.password}@{LOOPBACK}:{self.master.port}"

    def in_step(self) -> bool:
        """Say whether the sentinel knows the replica, and the replica has what the master has."""
        with self.replica.client() as replica, self.sentinel.client() as sentinel:
            linked = replica.info("replication")["master_link_status"] == "up"
            return linked and len(sentinel.sentinel_slaves(MASTER_NAME)) == 1


@contextmanager
def running_cluster(directory: Path) -> Iterator[SentinelCluster]:
    """Run a cluster with its data in the new `directory`."""
    if shutil.which("redis-server") is None:
        service_is_missing("Redis is not installed: `tests/install-services`, or apt install redis-server.")
    make_private_directory(directory)
    files = make_certificates(directory / "tls")
    password = secrets.token_urlsafe(18)
    with ExitStack() as stack:
        ports = [ReservedPort() for _ in range(3)]
        for port in ports:
            stack.callback(port.release)
        master, replica, sentinel = (port.number for port in ports)
        watch = SENTINEL.format(name=MASTER_NAME, host=LOOPBACK, master=master, password=password)
        data = REDIS.format(password=password)
        cluster = SentinelCluster(
            _process(directory / "m", master, password, files, data),
            _process(directory / "r", replica, password, files, f"{data}replicaof {LOOPBACK} {master}\n"),
            _process(directory / "s", sentinel, secrets.token_urlsafe(18), files, watch, "--sentinel"),
        )
        for process in (cluster.master, cluster.replica, cluster.sentinel):
            stack.callback(process.server.kill)
            process.start()
        yield cluster


def _process(directory: Path, port: int, password: str, files: Certificates, more: str, *options: str) -> TlsRedis:
    make_private_directory(directory)
    settings = directory / "redis.conf"
    settings.touch(mode=0o600)
    settings.write_text(COMMON.format(host=LOOPBACK, port=port, files=files, password=password) + more)
    server = Server("redis", ["redis-server", str(settings), *options], directory)
    return TlsRedis(server, port, password, files)


@pytest.fixture
def sentinel_cluster(run_directory: Path) -> Iterator[SentinelCluster]:
    """A cluster of its own for one test; its servers may be killed."""
    with running_cluster(run_directory / f"h-{secrets.token_hex(4)}") as cluster:
        yield cluster
