"""A real PostgreSQL server in a private directory, from whatever programs this machine has."""

import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote

import psycopg
from psycopg import sql

from strongroom.errors import NotFoundError, UnavailableError
from strongroom.sources.postgres.toolset import BUNDLED_PACKAGE, Toolset, installed_toolsets

_HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_PORT_ATTEMPTS = 3
# Nothing in a scratch server has to survive a power cut.
_LIMITS = ("max_connections=60",)
_FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off", "shared_buffers=32MB")


class ScratchPostgresError(UnavailableError):
    """The scratch PostgreSQL server did not start."""

    code = "testing.postgres_not_started"


class ScratchPostgresMissingError(NotFoundError):
    """No PostgreSQL server programs of the wanted version are installed."""

    code = "testing.postgres_missing"


class ScratchPostgres:
    """A PostgreSQL server for tests and the demo: `with ScratchPostgres() as server: server.connect("postgres")`.

    It listens on a loopback port and a socket in its own directory, asks for a password (SCRAM), and is gone with all
    its data after the `with`. PostgreSQL refuses to run as root, so a root process runs it as `postgres` or `nobody`.
    Takes the newest installed version, or that of `major`. With `durable` what was committed survives a power cut,
    at the speed that costs. `settings` are more of the server's, as `name=value`. Raises ScratchPostgresMissingError,
    ScratchPostgresError.
    """

    user = "postgres"
    host = _HOST

    def __init__(self, *, major: int | None = None, durable: bool = False, settings: Sequence[str] = ()) -> None:
        self._wanted_major = major
        self._settings = (*_LIMITS, *(() if durable else _FAST), *settings)
        self.password = secrets.token_urlsafe(18)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="strongroom-pg-"))
        try:
            self._account = _unprivileged_account() if os.geteuid() == 0 else None
            self._hand_over(self.directory)
            self.toolset = _reachable(_choose(self._wanted_major), self.directory, self._account)
            self._initialize()
            self._start_somewhere()
        except BaseException:
            self._remove()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._remove()

    @property
    def socket_dir(self) -> Path:
        """The directory of the Unix socket; may be used as the host of a connection."""
        return self.directory

    def url(self, dbname: str = "postgres", *, scheme: str = "postgresql") -> str:
        """Return a connection URL; SQLAlchemy wants scheme="postgresql+psycopg"."""
        return f"{scheme}://{self.user}:{quote(self.password)}@{self.host}:{self.port}/{quote(dbname)}"

    def connect(self, dbname: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection in autocommit mode."""
        return psycopg.connect(self.url(dbname), autocommit=True, connect_timeout=10)

    def create_database(self, name: str) -> None:
        """Create an empty UTF-8 database."""
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))

    def drop_database(self, name: str) -> None:
        """Drop a database, together with the sessions in it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def start(self) -> None:
        """Start the server, again after `stop` on the same port with the same data, and wait until it answers."""
        command = [str(self.toolset.program("postgres")), "-D", str(self.directory / "data")]
        command += ["-p", str(self.port), "-k", str(self.socket_dir), "-c", f"listen_addresses={_HOST}"]
        for setting in self._settings:
            command += ["-c", setting]
        with (self.directory / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True, **self._as_account()
            )
        self._wait_until_ready(self._process)

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server: connections are cut; with `immediate` it does not even shut down in order."""
        if self._process is None:
            return
        self._process.send_signal(signal.SIGQUIT if immediate else signal.SIGINT)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _start_somewhere(self) -> None:
        for attempt in range(1, _PORT_ATTEMPTS + 1):
            self.port = _free_port()
            try:
                self.start()
            except ScratchPostgresError:
                # Somebody may have taken the port between looking and listening.
                if attempt == _PORT_ATTEMPTS:
                    raise
            else:
                return

    def _initialize(self) -> None:
        password_file = self.directory / "password"
        password_file.touch(mode=0o600)
        password_file.write_text(self.password)
        self._hand_over(password_file)
        command = [str(self.toolset.program("initdb")), "-D", str(self.directory / "data"), "-U", self.user]
        command += [f"--pwfile={password_file}", "--auth=scram-sha-256", "--no-sync", "--encoding=UTF8", "--locale=C"]
        answer = subprocess.run(command, capture_output=True, text=True, check=False, **self._as_account())
        password_file.unlink()
        if answer.returncode != 0:
            raise _not_started(f"initdb failed: {answer.stderr.strip()[-500:]}")

    def _wait_until_ready(self, process: subprocess.Popen[bytes]) -> None:
        give_up = time.monotonic() + _START_SECONDS
        while time.monotonic() < give_up:
            if process.poll() is not None:
                raise _not_started(f"postgres ended with status {process.returncode}: {self._log_tail()}")
            try:
                self.connect().close()
            except psycopg.OperationalError:
                time.sleep(0.05)
            else:
                return
        raise _not_started(f"postgres did not answer within {_START_SECONDS:.0f} s: {self._log_tail()}")

    def _log_tail(self) -> str:
        return (self.directory / "server.log").read_text(errors="replace").strip()[-500:]

    def _hand_over(self, path: Path) -> None:
        if self._account:
            os.chown(path, self._account.pw_uid, self._account.pw_gid)

    def _as_account(self) -> dict[str, Any]:
        return _launch_as(self._account, self.directory)

    def _remove(self) -> None:
        self.stop(immediate=True)
        shutil.rmtree(self.directory, ignore_errors=True)


def _choose(major: int | None) -> Toolset:
    toolsets = [t for t in installed_toolsets("initdb") if major in (None, t.major)]
    if not toolsets:
        raise ScratchPostgresMissingError(
            f"No PostgreSQL {major or 'server'} programs are installed.",
            next_step=f"Install the Debian package postgresql or the Python package {BUNDLED_PACKAGE}.",
        )
    return max(toolsets, key=lambda toolset: toolset.major)


def _reachable(toolset: Toolset, directory: Path, account: pwd.struct_passwd | None) -> Toolset:
    """Return the set, or a copy of it where the account cannot get at it (a clone below a private home)."""
    check = [str(toolset.program("postgres")), "--version"]
    try:
        subprocess.run(check, capture_output=True, check=True, **_launch_as(account, directory))
    except (OSError, subprocess.CalledProcessError):
        return _copied(toolset, directory)
    return toolset


def _copied(toolset: Toolset, directory: Path) -> Toolset:
    # The programs find their libraries by a path relative to the package's own folder.
    installation = toolset.bin_dir.parent
    package = installation.parent
    libraries = package.with_name(f"{package.name}.libs")
    copy = directory / "programs" / package.name / installation.name
    shutil.copytree(installation, copy)
    if libraries.is_dir():
        shutil.copytree(libraries, directory / "programs" / libraries.name)
    return Toolset(copy / "bin", toolset.major, toolset.version)


def _unprivileged_account() -> pwd.struct_passwd:
    names = {entry.pw_name: entry for entry in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _launch_as(account: pwd.struct_passwd | None, directory: Path) -> dict[str, Any]:
    options: dict[str, Any] = {"cwd": directory, "env": {"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"}}
    if account:
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return options


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])


def _not_started(what: str) -> ScratchPostgresError:
    return ScratchPostgresError(what, next_step="Look for a full disk or a port that is taken, then try again.")
