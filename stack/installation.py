"""Where an installation keeps its things, and the secrets its processes share."""

import hashlib
import os
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from strongroom.settings import Settings, load_settings

PROJECT = Path(__file__).resolve().parents[1]
LONGEST_SOCKET_PATH = 100
"""Unix socket addresses end at 107 bytes, and supervisor adds a number to its own while it starts."""

MARKER = "STRONGROOM_INSTALLATION"
"""The variable by which the processes of an installation are known."""

DEFAULTS = {"MFA_ENABLED": "true"}
"""What holds here unless the environment says otherwise: the library alone leaves second factors off."""

SECRETS = ("STRONGROOM_FLOWER_PASSWORD",)


@dataclass(frozen=True, slots=True)
class Installation:
    """One directory with everything in it: configuration, secrets, data, logs."""

    directory: Path

    @property
    def config(self) -> Path:
        """The configuration."""
        return self.directory / "strongroom.toml"

    @property
    def secrets_file(self) -> Path:
        """Passwords as NAME=VALUE lines; readable by the owner only."""
        return self.directory / "secrets.env"

    @property
    def token_file(self) -> Path:
        """The service token of whoever runs the stack; readable by the owner only."""
        return self.directory / "token"

    @property
    def run(self) -> Path:
        """Configuration that is written anew at every start, and the broker's data."""
        return self.directory / "run"

    @property
    def log(self) -> Path:
        """One log a process."""
        return self.directory / "log"

    @property
    def sockets(self) -> Path:
        """Where the Unix sockets are: `run`, or a private directory with a short path where that one is too long."""
        if len(os.fsencode(self.run / "supervisor.sock")) <= LONGEST_SOCKET_PATH:
            return self.run
        digest = hashlib.sha256(os.fsencode(self.directory)).hexdigest()[:16]
        return Path(tempfile.gettempdir()) / f"strongroom-{os.getuid()}-{digest}"

    @property
    def broker_socket(self) -> Path:
        """The socket of the broker."""
        return self.sockets / "broker.sock"

    @property
    def broker_url(self) -> str:
        """The address of the broker, which also keeps one-time sessions."""
        return f"redis+socket://{self.broker_socket}"

    @property
    def supervisor_socket(self) -> Path:
        """The socket of supervisor."""
        return self.sockets / "supervisor.sock"

    def make_directories(self) -> None:
        """Make what is missing, for the owner only; raises PermissionError if somebody else made it."""
        for directory in (self.directory, self.run, self.log, self.sockets):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        owner = self.sockets.lstat()
        if owner.st_uid != os.getuid() or owner.st_mode & 0o077 or self.sockets.is_symlink():
            raise PermissionError(f"{self.sockets} is not this user's own private directory")

    def remove_sockets(self) -> None:
        """Remove what is left of the sockets, and the directory of their own if they had one."""
        for path in (self.broker_socket, self.supervisor_socket):
            path.unlink(missing_ok=True)
        if self.sockets != self.run and self.sockets.exists():
            self.sockets.rmdir()

    def secrets(self) -> dict[str, str]:
        """Return the secrets, made at random the first time."""
        if not self.secrets_file.exists():
            made = "".join(f"{name}={secrets.token_urlsafe(32)}\n" for name in SECRETS)
            write_private(self.secrets_file, made)
        lines = self.secrets_file.read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def environment(self, base: Mapping[str, str]) -> dict[str, str]:
        """Return the environment of the processes: what was there before, the secrets, and the addresses."""
        own = {
            "STRONGROOM_CONFIG": str(self.config),
            "STRONGROOM_BROKER_URL": self.broker_url,
            "PYTHONPATH": str(PROJECT),
        }
        return {**DEFAULTS, **base, **self.secrets(), **own}

    def settings(self, base: Mapping[str, str]) -> Settings:
        """Read the configuration as the processes will; raises ConfigError."""
        return load_settings(self.config, self.environment(base))


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    draft = path.with_name(f".{path.name}.new")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(text)
    draft.replace(path)
