"""A scratch PostgreSQL server in a given private directory, from whatever programs this machine has."""

import os
import pwd
import shutil
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import psycopg

from strongroom.clock import Clock
from strongroom.sources.errors import (
    ScratchPlaceError,
    ScratchServerError,
    ScratchServerMissingError,
    ScratchServerTooOldError,
)
from strongroom.sources.postgres.toolset import BUNDLED_PACKAGE, Toolset, installed_toolsets

HOST = "127.0.0.1"
_START_SECONDS = 60.0
_STOP_SECONDS = 20.0
_PORT_ATTEMPTS = 3
_SOCKET_PATH_BYTES = 100
"""A little less than what the kernel takes."""

# Nothing in a scratch server has to survive a power cut.
FAST = ("fsync=off", "full_page_writes=off", "synchronous_commit=off")


@dataclass(frozen=True, slots=True)
class ScratchAccess:
    """The superuser that a scratch server is made with."""

    user: str
    password: str = field(repr=False)


class ScratchServer:
    """A PostgreSQL server in an existing private directory, gone after the `with` but for the files.

    It listens on a loopback port, and on a socket in its directory where that path is short enough; it asks for a
    password of `user`, its superuser (SCRAM). PostgreSQL refuses to run as root, so a root process runs it as
    `account`. `settings` are the server's, as `name=value`. Raises ScratchServerError, ScratchPlaceError.
    """

    host = HOST

    def __init__(
        self,
        directory: Path,
        toolset: Toolset,
        account: pwd.struct_passwd | None,
        access: ScratchAccess,
        clock: Clock,
        *,
        settings: Sequence[str] = (),
    ) -> None:
        self.directory = directory
        self.user, self.password = access.user, access.password
        self._clock = clock
        self._account = account
        self._wanted_toolset = toolset
        self._settings = tuple(settings)
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self._hand_over(self.directory)
        _verify_reachable(self.directory, self._account)
        self.toolset = _reachable(self._wanted_toolset, self.directory, self._account)
        try:
            self._initialize()
            self._start_somewhere()
        except BaseException:
            self.stop(immediate=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop(immediate=True)

    def connect(self, dbname: str = "postgres") -> psycopg.Connection[tuple[Any, ...]]:
        """Open a connection in autocommit mode."""
        return psycopg.connect(
            host=self.host,
            port=self.port,
            user=self.user,
            password=self.password,
            dbname=dbname,
            autocommit=True,
            connect_timeout=10,
        )

    def start(self) -> None:
        """Start the server, again after `stop` on the same port with the same data, and wait until it answers."""
        command = [str(self.toolset.program("postgres")), "-D", str(self.directory / "data")]
        command += ["-p", str(self.port), "-k", self._socket_directory(), "-c", f"listen_addresses={HOST}"]
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
            except ScratchServerError:
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
        give_up = self._clock.monotonic() + _START_SECONDS
        while self._clock.monotonic() < give_up:
            if process.poll() is not None:
                raise _not_started(f"postgres ended with status {process.returncode}: {self._log_tail()}")
            try:
                self.connect().close()
            except psycopg.OperationalError:
                self._clock.sleep(0.05)
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

    def _socket_directory(self) -> str:
        # An empty one means none; the port is enough.
        return str(self.directory) if len(os.fsencode(self.directory)) < _SOCKET_PATH_BYTES else ""


def choose_server(at_least: int = 0, bin_dir: Path | None = None) -> Toolset:
    """Return the server programs with the lowest major version that is at least so high; those of bin_dir first.

    Raises ScratchServerMissingError, ScratchServerTooOldError.
    """
    found = server_toolsets(bin_dir) if bin_dir else []
    found = found or server_toolsets()
    if not found:
        raise missing_server("")
    fitting = [toolset for toolset in found if toolset.major >= at_least]
    if not fitting:
        raise ScratchServerTooOldError(
            f"The PostgreSQL server programs here are of version {max(found, key=_major).version}; "
            f"the backup is of a server of version {at_least}.",
            next_step=f"Install the Debian package postgresql-{at_least} or a newer one where the worker runs.",
        )
    return min(fitting, key=_major)


def server_toolsets(bin_dir: Path | None = None) -> list[Toolset]:
    """Return the sets of server programs in a directory, or all on the machine."""
    return installed_toolsets("initdb", bin_dir)


def missing_server(version: str) -> ScratchServerMissingError:
    """Say that there are no server programs."""
    return ScratchServerMissingError(
        f"No PostgreSQL {version or 'server'} programs are installed.",
        next_step=f"Install the Debian package postgresql or the Python package {BUNDLED_PACKAGE}.",
    )


def unprivileged_account(*names: str) -> pwd.struct_passwd | None:
    """Return the first of these accounts that there is, for a root process; None for any other."""
    if os.geteuid() != 0:
        return None
    known = {entry.pw_name: entry for entry in pwd.getpwall()}
    return next(known[name] for name in (*names, "nobody") if name in known)


def _major(toolset: Toolset) -> int:
    return toolset.major


def _verify_reachable(directory: Path, account: pwd.struct_passwd | None) -> None:
    # By its whole path, as the server will: the directory that a process begins in is entered with the old rights.
    command = ["/bin/sh", "-c", 'cd "$1"', "sh", str(directory)]
    try:
        subprocess.run(command, check=True, capture_output=True, **_launch_as(account, Path("/")))
    except (OSError, subprocess.CalledProcessError):
        who = account.pw_name if account else "this account"
        raise ScratchPlaceError(
            f"The account {who}, which the scratch server runs as, cannot get at {directory}.",
            next_step="Name another directory in [drills], one that every account may pass through.",
        ) from None


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


def _launch_as(account: pwd.struct_passwd | None, directory: Path) -> dict[str, Any]:
    options: dict[str, Any] = {"cwd": directory, "env": {"LC_ALL": "C", "PATH": os.defpath, "TZ": "UTC"}}
    if account:
        options |= {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
    return options


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _not_started(what: str) -> ScratchServerError:
    return ScratchServerError(what, next_step="Look for a full disk or a port that is taken, then try again.")
