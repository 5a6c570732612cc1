"""Which ring a command means: the file that was named, else the one default of all commands."""

from dataclasses import dataclass
from pathlib import Path

from strongroom.cli.invocation import Invocation
from strongroom.cli.secrets.errors import NoInstallationError
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.sources import FileAndEnvironment
from strongroom.runtime import open_column_keys
from strongroom.settings import (
    ColumnKeySettings,
    ConfigNotFoundError,
    Settings,
    column_keys_without_file,
)


@dataclass(frozen=True, slots=True)
class RingPlace:
    """The file, the ring of file and environment, and the settings; no installation without strongroom.toml."""

    file: EnvCryptoFile
    source: FileAndEnvironment
    column_keys: ColumnKeySettings
    installation: Settings | None

    @property
    def shown(self) -> str:
        """Return the file as people write it: relative where it is in the current folder."""
        return shown(self.file.path)


def open_place(invocation: Invocation, env_file: Path | None) -> RingPlace:
    """Return where the ring is; reads the settings and no key. Raises ConfigError."""
    env = invocation.environment()
    installation = _find_settings(invocation)
    column_keys = installation.column_keys if installation else column_keys_without_file(env)
    path = env_file or column_keys.file
    file = open_column_keys(installation, path) if installation else EnvCryptoFile(path)
    return RingPlace(file, FileAndEnvironment(file, env), column_keys, installation)


def installed_place(invocation: Invocation, env_file: Path | None) -> RingPlace:
    """Return where the ring of an installation is; raises NoInstallationError where there is no strongroom.toml."""
    place = open_place(invocation, env_file)
    if place.installation is None:
        raise NoInstallationError(
            "There is no strongroom.toml, so nobody can prove that a version is not needed any more.",
            next_step="Name one with --config. Its catalog knows the columns, the processes and the backups.",
        )
    return place


def shown(path: Path) -> str:
    """Return a path as people write it: relative where it is below the current folder."""
    return str(path.relative_to(Path.cwd())) if path.is_relative_to(Path.cwd()) else str(path)


def _find_settings(invocation: Invocation) -> Settings | None:
    try:
        return invocation.settings()
    except ConfigNotFoundError:
        if invocation.config is not None:
            raise
        return None
