"""What one call of the command was told, and what it opens because of that."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from strongroom.cli.acts import announce, leaving_a_row
from strongroom.cli.log import show_log
from strongroom.cli.screen import Screen
from strongroom.cli.spans import recorded

# The settings and the runtime stay out of `strongroom --version`: they are imported by the commands that need them.
if TYPE_CHECKING:
    from strongroom.keyring.provider import KekProvider
    from strongroom.runtime import Runtime
    from strongroom.services import Services
    from strongroom.settings import Settings
    from strongroom.storage.store import Store


@dataclass(slots=True)
class Invocation:
    """The shared options of a call; filled in while the command line is parsed."""

    config: Path | None = None
    json: bool = False
    quiet: bool = False
    verbose: int = 0

    @property
    def screen(self) -> Screen:
        """Return where the command's answer and messages go."""
        return Screen(json=self.json, quiet=self.quiet, verbose=self.verbose)

    def environment(self) -> Mapping[str, str]:
        """Return the environment of the process."""
        from strongroom.settings import process_environment

        return process_environment()

    def settings(self) -> "Settings":
        """Read the settings; raises ConfigNotFoundError and ConfigError."""
        from strongroom.settings import find_config, load_settings

        env = self.environment()
        return load_settings(find_config(self.config, env), env)

    @contextmanager
    def services(self, recovery_key_file: Path | None = None, *, process: str | None = None) -> Iterator["Services"]:
        """Open what the capabilities work with, and close it again; a recovery key replaces all other keys.

        `process` names a command that stays, as a process of the service. Raises RecoveryKeyError.
        """
        with self._runtime(recovery_key_file, process) as runtime:
            yield runtime.services()

    @contextmanager
    def detached_services(
        self, store_as: "Callable[[str], Store]", directory: Path, recovery_key_file: Path | None
    ) -> Iterator["Services"]:
        """Open what restores from outside of the regions work with: one store, and a catalog that begins empty.

        Raises RecoveryKeyError, and what opening the repository in the store raises.
        """
        from strongroom.runtime import detached_runtime

        with self._runtime(recovery_key_file) as runtime:
            # What is restored is in no transaction of the installation's catalog.
            announce(runtime.catalog)
            detached = detached_runtime(runtime, store_as, directory)
            try:
                yield detached.services()
            finally:
                detached.close()

    @contextmanager
    def _runtime(self, recovery_key_file: Path | None, process: str | None = None) -> "Iterator[Runtime]":
        from strongroom.runtime import build_runtime

        show_log(self.verbose)
        recovery = None if recovery_key_file is None else _open_recovery_key(recovery_key_file)
        settings = self.settings()
        # Before the catalog and the regions are opened: what they do is recorded as well.
        with recorded(settings.spans, process):
            runtime = build_runtime(settings, recovery=recovery)
            try:
                with leaving_a_row(runtime.catalog):
                    yield runtime
            finally:
                runtime.close()


def _open_recovery_key(path: Path) -> "KekProvider":
    from strongroom.keyring.recovery import RecoveryKekProvider
    from strongroom.keyring.recovery_text import read_key_file

    return RecoveryKekProvider.of(read_key_file(path))
