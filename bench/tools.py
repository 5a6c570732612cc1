"""How each tool makes a repository, backs a tree up into it and restores it; one class a tool, the same three verbs."""

import shutil
import sys
from pathlib import Path
from typing import Protocol

from bench.measure import Figures, run

PASSWORD = "benchmark-only"


class Tool(Protocol):
    """A tool under measurement; `work` is a folder of its own that it may fill."""

    name: str

    def initialise(self, work: Path, tree: Path) -> None:
        """Make an empty repository; not measured."""

    def backup(self, work: Path, tree: Path) -> Figures:
        """Back the tree up once."""

    def check(self, work: Path) -> Figures:
        """Read and check all stored data."""

    def restore(self, work: Path, target: Path) -> Figures:
        """Restore the newest backup into an absent directory."""

    def stored(self, work: Path) -> Path:
        """Return the folder whose bytes count as stored."""


class Restic:
    """restic with its own compression setting (`auto` is its default, `fastest` is near zstd level 1)."""

    def __init__(self, compression: str) -> None:
        self.name = f"restic {compression}"
        self._compression = compression

    def _env(self, work: Path) -> dict[str, str]:
        return {
            "RESTIC_REPOSITORY": str(work / "repo"),
            "RESTIC_PASSWORD": PASSWORD,
            "RESTIC_CACHE_DIR": str(work / "cache"),
        }

    def initialise(self, work: Path, tree: Path) -> None:
        run(["restic", "init"], env=self._env(work), log=work / "log")

    def backup(self, work: Path, tree: Path) -> Figures:
        command: list[str | Path] = ["restic", "backup", "--quiet", "--compression", self._compression, tree]
        return run(command, env=self._env(work), log=work / "log")

    def check(self, work: Path) -> Figures:
        return run(["restic", "check", "--read-data"], env=self._env(work), log=work / "log")

    def restore(self, work: Path, target: Path) -> Figures:
        return run(["restic", "restore", "latest", "--target", target], env=self._env(work), log=work / "log")

    def stored(self, work: Path) -> Path:
        return work / "repo"


class Borg:
    """borg with repokey-blake2 and the compression given (`lz4` is its default)."""

    def __init__(self, compression: str) -> None:
        self.name = f"borg {compression}"
        self._compression = compression
        self._number = 0

    def _env(self, work: Path) -> dict[str, str]:
        return {"BORG_REPO": str(work / "repo"), "BORG_PASSPHRASE": PASSWORD, "BORG_BASE_DIR": str(work / "base")}

    def initialise(self, work: Path, tree: Path) -> None:
        run(["borg", "init", "--encryption", "repokey-blake2"], env=self._env(work), log=work / "log")

    def backup(self, work: Path, tree: Path) -> Figures:
        self._number += 1
        command: list[str | Path] = ["borg", "create", "--compression", self._compression, f"::{self._number}", tree]
        return run(command, env=self._env(work), log=work / "log")

    def check(self, work: Path) -> Figures:
        return run(["borg", "check", "--verify-data"], env=self._env(work), log=work / "log")

    def restore(self, work: Path, target: Path) -> Figures:
        target.mkdir(parents=True)
        return run(["borg", "extract", f"::{self._number}"], env=self._env(work), log=work / "log", cwd=target)

    def stored(self, work: Path) -> Path:
        return work / "repo"


class Strongroom:
    """Strongroom in one process, without broker or workers, into one directory region."""

    def __init__(self, level: int) -> None:
        self.name = f"strongroom zstd {level}"
        self._level = level

    def _command(self, work: Path, *words: str) -> list[str | Path]:
        return [Path(sys.executable).with_name("strongroom"), "--config", work / "strongroom.toml", *words]

    def initialise(self, work: Path, tree: Path) -> None:
        (work / "strongroom.toml").write_text(CONFIGURATION.format(level=self._level, tree=tree))
        run(self._command(work, "init", "--upgrade"), env={}, log=work / "log")

    def backup(self, work: Path, tree: Path) -> Figures:
        return run(self._command(work, "backup", "run", "tree", "--here", "--quiet"), env={}, log=work / "log")

    def check(self, work: Path) -> Figures:
        words = ("backup", "verify", "latest:tree", "--level", "data", "--here", "--quiet")
        return run(self._command(work, *words), env={}, log=work / "log")

    def restore(self, work: Path, target: Path) -> Figures:
        words = ("restore", "run", "latest:tree", "--target", str(target), "--here", "--quiet")
        return run(self._command(work, *words), env={}, log=work / "log")

    def stored(self, work: Path) -> Path:
        return work / "region"


CONFIGURATION = """\
data_dir = "data"

[repository]
compression_level = {level}

[regions.local]
home = true
kind = "directory"
path = "region"

[sources.tree]
kind = "files"
path = "{tree}"
"""


def fresh(folder: Path) -> Path:
    """Return folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
