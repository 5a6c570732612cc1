"""Server processes: started from an argument list, watched until they answer, stopped from any xdist worker."""

import os
import pwd
import signal
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

PROBE_SECONDS = 0.02
STOP_SECONDS = 10.0
LOG_TAIL_CHARACTERS = 2000


class ServiceStartError(Exception):
    """A service's process ended, or did not answer in time; carries the end of its log."""


def unprivileged_account() -> pwd.struct_passwd | None:
    """Return the account that servers run as when the tests run as root, or None when the tests need no other one."""
    return pwd.getpwnam("nobody") if os.geteuid() == 0 else None


def make_private_directory(path: Path, account: pwd.struct_passwd | None = None) -> Path:
    """Make a directory that only `account` (or this process's own user) can enter."""
    path.mkdir(mode=0o700)
    if account:
        os.chown(path, account.pw_uid, account.pw_gid)
    return path


def _is_running(pid: int) -> bool:
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    if status.rpartition(")")[2].split()[0] != "Z":
        return True
    # A dead process stays visible until its parent asks for its status; that may be another worker.
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    return False


@dataclass(frozen=True)
class Server:
    """A server process with its own directory, which is its working directory and holds `NAME.log` and `NAME.pid`.

    The process may have been started by another xdist worker; all of them see the same state through the pid file.
    """

    name: str
    argv: Sequence[str]
    directory: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    account: pwd.struct_passwd | None = None

    @property
    def log(self) -> Path:
        """Where standard output and standard error go."""
        return self.directory / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """The id of the running process, or None."""
        try:
            pid = int((self.directory / f"{self.name}.pid").read_text())
        except FileNotFoundError:
            return None
        return pid if _is_running(pid) else None

    def start(self, answers: Callable[[], bool], *, seconds: float = 30.0) -> None:
        """Start the process and wait until `answers` is true; raises ServiceStartError."""
        with self.log.open("ab") as log:
            process = subprocess.Popen(
                self.argv,
                cwd=self.directory,
                env={**os.environ, **self.environment},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                user=self.account.pw_uid if self.account else None,
                group=self.account.pw_gid if self.account else None,
                extra_groups=[] if self.account else None,
            )
        (self.directory / f"{self.name}.pid").write_text(str(process.pid))
        self._wait_until(answers, process, seconds)

    def _wait_until(self, answers: Callable[[], bool], process: subprocess.Popen[bytes], seconds: float) -> None:
        deadline = time.monotonic() + seconds
        while not answers():
            if process.poll() is not None:
                raise ServiceStartError(f"{self.name} ended with status {process.returncode}: {self.log_tail()}")
            if time.monotonic() > deadline:
                self.kill()
                raise ServiceStartError(f"{self.name} did not answer within {seconds:.0f} s: {self.log_tail()}")
            time.sleep(PROBE_SECONDS)

    def stop(self) -> None:
        """Ask the process to end, wait for it, and kill it when it does not."""
        self._signal(signal.SIGTERM)
        if not self._wait_until_gone(STOP_SECONDS):
            self.kill()

    def kill(self, *, children: bool = False) -> None:
        """End the process as a power cut would, its children too if so asked, and wait until it is gone."""
        if children and (pid := self.pid) is not None:
            os.killpg(pid, signal.SIGKILL)
        self._signal(signal.SIGKILL)
        if not self._wait_until_gone(STOP_SECONDS):
            raise ServiceStartError(f"{self.name} could not be ended.")

    def log_tail(self) -> str:
        """Return the end of the log."""
        return self.log.read_text(errors="replace").strip()[-LOG_TAIL_CHARACTERS:]

    def _signal(self, number: signal.Signals) -> None:
        pid = self.pid
        # It may end by itself between the look and the signal.
        if pid is not None:
            with suppress(ProcessLookupError):
                os.kill(pid, number)

    def _wait_until_gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.pid is not None and time.monotonic() < deadline:
            time.sleep(PROBE_SECONDS)
        return self.pid is None
