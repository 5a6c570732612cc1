"""Production from the image's tree: PostgreSQL with its standby, Redis, and every process, as a user without rights."""

import os
import pwd
import re
import secrets
import shutil
import signal
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psycopg

from strongroom.testing.postgres import ScratchPostgres
from tests.e2e.deployment import eventually
from tests.e2e.image import Image, secret_files
from tests.e2e.providers import make_sites
from tests.policy.deployment import COMPOSE_FILES, DOCKER, is_ours, services
from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server, unprivileged_account
from tests.services.requirement import service_is_missing

SERVICES = {
    name: service
    for name, service in services(COMPOSE_FILES[1]).items()
    if is_ours(service["image"]) and name != "setup"
}
LOGIN = 'dbname = "strongroom", user = "monitor", password_env = "MONITOR_DB_PASSWORD"'
PORTS = ("api", "flower", "redis", "standby", "metrics", "prometheus", "alertmanager")
METRICS = """
[metrics]
token_env = "SCRAPE_TOKEN"
port = {port}
"""
STANDBYS = """
[standbys.catalog]
region = "us-east-1"
slot = "standby"
primary = {{ host = "{host}", port = {port}, {login} }}
standby = {{ host = "{host}", port = {standby}, {login} }}
"""


@dataclass
class Town:
    """A running production: processes from the image's tree, with secrets in files, as a user without rights."""

    image: Image
    directory: Path
    primary: ScratchPostgres
    ports: dict[str, ReservedPort]
    account: pwd.struct_passwd | None
    """Whom the image's processes run as; None for this process's own user, without any of its powers."""
    bundle: Path
    """The site of a key provider that this is; its peer is never there."""
    processes: dict[str, Server] = field(default_factory=dict)

    @property
    def secrets(self) -> Path:
        return self.directory / "secrets"

    @property
    def config(self) -> Path:
        return self.directory / "strongroom.toml"

    def environment(self, service: dict[str, Any]) -> dict[str, str]:
        given = dict(secret_files(service["environment"], self.secrets))
        return {**self.image.environment, **given, "STRONGROOM_CONFIG": str(self.config)}

    def put_ports(self, words: list[str]) -> list[str]:
        return [word.replace(":5555", f":{self.ports['flower'].number}") for word in words]

    def run(self, *words: str, service: str = "api") -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            self.argv(list(words)),
            env=self.environment(SERVICES[service]),
            cwd=self.image.workdir,
            user=self.account.pw_uid if self.account else None,
            group=self.account.pw_gid if self.account else None,
            extra_groups=[] if self.account else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )

    def argv(self, words: list[str]) -> list[str]:
        powerless = ["setpriv", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs"]
        return [*(powerless if self.account is None and os.geteuid() == 0 else []), *self.image.argv(words)]

    def start(self, name: str, argv: list[str], environment: dict[str, str], *, store: bool = False) -> None:
        account = unprivileged_account() if store else self.account
        server = Server(name, argv, self.directory / ("stores" if store else "logs"), environment, account)
        server.start(lambda: server.pid is not None)
        self.processes[name] = server

    def is_healthy(self, name: str) -> bool:
        """Ask as compose does."""
        _, *words = SERVICES[name]["healthcheck"]["test"]
        return self.run(*self.put_ports(words), service=name).returncode == 0

    def url(self, path: str, port: str = "api") -> str:
        return f"http://{LOOPBACK}:{self.ports[port].number}{path}"

    def scrape(self) -> str:
        """Return what Prometheus gets: with the token, which opens nothing else."""
        token = (self.secrets / "scrape_token").read_text()
        return httpx.get(self.url("/metrics"), headers={"Authorization": f"Bearer {token}"}, timeout=30).text

    def encryptor_is_answered(self) -> bool:
        """Ask the face for encryptors with the certificate of one."""
        identity = self.bundle / "encryptors" / "fw-lisbon"
        context = ssl.create_default_context(cafile=identity.with_name("encryptor-ca.pem"))
        context.load_cert_chain(f"{identity}.pem", f"{identity}.key")
        port = re.findall(r"^port = (\d+)$", (self.bundle / "skip.toml").read_text(), re.M)[0]
        try:
            return httpx.get(f"https://{LOOPBACK}:{port}/capabilities", verify=context).status_code == 200
        except httpx.TransportError:
            return False


@contextmanager
def production(image: Image, run_directory: Path) -> Iterator[Town]:
    """Run everything for the length of a block."""
    if shutil.which("redis-server") is None:
        service_is_missing("There is no redis-server.")
    directory = run_directory / f"town-{secrets.token_hex(4)}"
    directory.mkdir(mode=0o755)
    account = unprivileged_account() if is_open_to_others(Path(sys.base_prefix)) else None
    for names, owner in (
        (("logs", "state"), account),
        (("stores", "redis", "standby", "tmp", "prometheus", "alertmanager"), unprivileged_account()),
    ):
        for name in names:
            (directory / name).mkdir()
            if owner:
                os.chown(directory / name, owner.pw_uid, owner.pw_gid)
    with ExitStack() as stack:
        primary = stack.enter_context(ScratchPostgres())
        ports = {name: ReservedPort() for name in PORTS}
        (bundle, _), reserved = make_sites(directory / "sites")
        stack.callback(lambda: [port.release() for port in reserved])
        town = Town(image, directory, primary, ports, account, bundle)
        stack.callback(stop, town)
        make_secrets(town)
        configure(town)
        start_stores(town)
        setup = town.run("strongroom", "init", "--upgrade")
        assert setup.returncode == 0, setup.stderr
        join(town)
        for name, service in SERVICES.items():
            words = town.put_ports(service["command"])
            # The working directory is that of the image, which nobody may write to.
            town.start(name, ["env", f"--chdir={image.workdir}", *town.argv(words)], town.environment(service))
        metrics = ["env", f"--chdir={image.workdir}", *town.argv(["python3", "-m", "api", "metrics"])]
        town.start("metrics", metrics, town.environment(SERVICES["api"]))
        yield town


def is_open_to_others(path: Path) -> bool:
    """Say whether a user of its own could run what lies there, such as a Python in somebody's home."""
    return all(one.stat().st_mode & 0o001 for one in (path, *path.parents))


def stop(town: Town) -> None:
    for server in town.processes.values():
        if (pid := server.pid) is not None:
            os.killpg(pid, signal.SIGKILL)
    for port in town.ports.values():
        port.release()


def make_secrets(town: Town) -> None:
    """Make the secrets as an operator does; the two addresses are those of the test's servers."""
    town.secrets.mkdir(mode=0o700)
    redis_password = secrets.token_urlsafe(16)
    given = {
        "redis_password": redis_password,
        "broker_url": f"redis://:{redis_password}@{LOOPBACK}:{town.ports['redis'].number}/0",
        "catalog_url": town.primary.url("strongroom"),
        "postgres_password": town.primary.password,
    }
    for name, text in given.items():
        (town.secrets / name).write_text(text)
    subprocess.run([DOCKER / "make-secrets", town.secrets], check=True, capture_output=True)
    assert {path.read_text() for path in town.secrets.iterdir()} >= set(given.values())
    # An engine mounts the files one by one; here the processes have to get through the directory.
    town.secrets.chmod(0o711)
    for path in town.secrets.iterdir():
        path.chmod(0o444)


def configure(town: Town) -> None:
    text = (DOCKER / "config" / "development.toml").read_text()
    text = text.replace("/var/lib/strongroom", str(town.directory / "state")).replace("0.0.0.0", LOOPBACK)
    text = text.replace("[api]", f"[api]\nport = {town.ports['api'].number}")
    text = text.replace("[flower]", f"[flower]\nport = {town.ports['flower'].number}")
    # The machine's newest server, which may be newer than the programs of the image.
    programs = town.primary.toolset.program("pg_dump").parent
    place = f'host = "{town.primary.host}"\nport = {town.primary.port}\nbin_dir = "{programs}"'
    text = text.replace('host = "postgres"', place)
    text = text.replace(
        'user = "strongroom"\npassword_env = "DEMO_DB_PASSWORD"',
        'user = "monitor"\npassword_env = "MONITOR_DB_PASSWORD"',
    )
    addresses = {"host": town.primary.host, "port": town.primary.port, "standby": town.ports["standby"].number}
    standby = STANDBYS.format(login=LOGIN, **addresses)
    metrics = METRICS.format(port=town.ports["metrics"].number)
    town.config.write_text(f"{text}\n[sources.catalog.schedule]\nenabled = false\n{standby}{metrics}")
    town.config.chmod(0o644)


def join(town: Town) -> None:
    """Make it a key provider, as the operator does, who may write to the configuration."""
    service = SERVICES["api"]
    joined = subprocess.run(
        town.image.argv(["strongroom", "peers", "join", str(town.bundle)]),
        env={**os.environ, **town.environment(service)},
        cwd=town.image.workdir,
        capture_output=True,
        text=True,
        check=False,
    )
    assert joined.returncode == 0, joined.stderr
    for path in (town.directory / "skip", *(town.directory / "skip").rglob("*")):
        if town.account:
            os.chown(path, town.account.pw_uid, town.account.pw_gid)
    town.config.chmod(0o644)


def start_stores(town: Town) -> None:
    """Prepare the primary, and start the standby and Redis, with the scripts that the containers run."""
    primary = town.primary
    primary.create_database("strongroom")
    account = {
        "PGHOST": primary.host,
        "PGPORT": str(primary.port),
        "PGPASSWORD": primary.password,
        "POSTGRES_USER": primary.user,
        "POSTGRES_DB": "strongroom",
        "PGDATA": str(primary.directory / "data"),
        "SECRETS_DIRECTORY": str(town.secrets),
    }
    subprocess.run(
        ["sh", DOCKER / "postgres" / "primary.sh"], env={**os.environ, **account}, check=True, capture_output=True
    )
    with primary.connect("strongroom") as connection:
        connection.execute("SELECT pg_reload_conf()")
        connection.execute("GRANT pg_read_all_data TO monitor")
    start_standby(town)
    start_redis(town)
    eventually(lambda: standby_follows(town), "the standby follows")


def start_standby(town: Town) -> None:
    primary = town.primary
    programs = str(primary.toolset.program("postgres").parent)
    port = town.ports["standby"].number
    follow = {
        "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
        "PRIMARY_HOST": primary.host,
        "PRIMARY_PORT": str(primary.port),
        "REPLICATION_PASSWORD_FILE": str(town.secrets / "replication_password"),
        "PGDATA": str(town.directory / "standby" / "data"),
        "PASSFILE_DIRECTORY": str(town.directory / "tmp"),
        "POSTGRES_CONFIG": str(DOCKER / "postgres" / "postgres.conf"),
    }
    own = ["-p", str(port), "-c", f"listen_addresses={LOOPBACK}", "-k", str(town.directory / "tmp")]
    own += ["-c", "shared_buffers=32MB"]
    town.start("standby", ["sh", str(DOCKER / "postgres" / "standby.sh"), *own], follow, store=True)


def start_redis(town: Town) -> None:
    redis = {
        "REDIS_PASSWORD_FILE": str(town.secrets / "redis_password"),
        "REDIS_PORT": str(town.ports["redis"].number),
        "REDIS_BIND": LOOPBACK,
        "REDIS_DIRECTORY": str(town.directory / "redis"),
    }
    town.start("redis", ["sh", str(DOCKER / "redis" / "redis.sh")], redis, store=True)


def standby_follows(town: Town) -> bool:
    standby = town.processes["standby"]
    assert standby.pid is not None, standby.log_tail()
    address = f"host={LOOPBACK} port={town.ports['standby'].number} dbname=strongroom user=monitor"
    password = (town.secrets / "monitor_password").read_text()
    try:
        with psycopg.connect(address, password=password, connect_timeout=3) as connection:
            row = connection.execute("SELECT pg_is_in_recovery(), status FROM pg_stat_wal_receiver").fetchone()
    except psycopg.OperationalError:
        return False
    return bool(row == (True, "streaming"))
