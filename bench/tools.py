"""How each tool makes a repository, fills it and reads it again; one class a tool, the same verbs."""

import shutil
import sys
from pathlib import Path
from typing import Protocol

from bench.bucket import Bucket
from bench.measure import Figures, run

PASSWORD = "benchmark-only"
OWN = "strongroom"
NOT_DECODING = "strongroom, not decoding"


class Tool(Protocol):
    """A tool under measurement; `work` is a folder of its own that it may fill."""

    name: str

    def initialise(self, work: Path, tree: Path) -> None:
        """Make an empty repository; not measured."""

    def backup(self, work: Path, tree: Path) -> Figures:
        """Back the tree up, upon the backup before if there is one."""

    def restore(self, work: Path, target: Path) -> Figures:
        """Restore the newest backup into an absent directory."""

    def check(self, work: Path) -> Figures:
        """Read, decrypt and verify all data of the repository."""

    def stored(self, work: Path) -> Path:
        """Return the folder whose bytes count as stored."""


class Restic:
    """restic with its own compression setting (`auto` is its default), in a directory or a bucket."""

    def __init__(self, compression: str = "auto", bucket: Bucket | None = None) -> None:
        self.name = "restic" if compression == "auto" else f"restic {compression}"
        self._compression = compression
        self._bucket = bucket

    def _env(self, work: Path) -> dict[str, str]:
        common = {"RESTIC_PASSWORD": PASSWORD, "RESTIC_CACHE_DIR": str(work / "cache")}
        if self._bucket is None:
            return common | {"RESTIC_REPOSITORY": str(work / "repo")}
        return common | {
            "RESTIC_REPOSITORY": f"s3:{self._bucket.url}/{self._bucket.name}/restic",
            "AWS_ACCESS_KEY_ID": self._bucket.access_key,
            "AWS_SECRET_ACCESS_KEY": self._bucket.secret_key,
        }

    def initialise(self, work: Path, tree: Path) -> None:
        run(["restic", "init"], env=self._env(work), log=work / "log")

    def backup(self, work: Path, tree: Path) -> Figures:
        command: list[str | Path] = ["restic", "backup", "--quiet", "--compression", self._compression, tree]
        return run(command, env=self._env(work), log=work / "log")

    def restore(self, work: Path, target: Path) -> Figures:
        return run(["restic", "restore", "latest", "--target", target], env=self._env(work), log=work / "log")

    def check(self, work: Path) -> Figures:
        return run(["restic", "check", "--read-data"], env=self._env(work), log=work / "log")

    def stored(self, work: Path) -> Path:
        return work / "repo"


class Borg:
    """borg with repokey-blake2 and the compression given (`lz4` is its default)."""

    def __init__(self, compression: str = "lz4") -> None:
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

    def restore(self, work: Path, target: Path) -> Figures:
        target.mkdir(parents=True)
        return run(["borg", "extract", f"::{self._number}"], env=self._env(work), log=work / "log", cwd=target)

    def check(self, work: Path) -> Figures:
        return run(["borg", "check", "--verify-data"], env=self._env(work), log=work / "log")

    def stored(self, work: Path) -> Path:
        return work / "repo"


class Strongroom:
    """Strongroom in one process, without broker or workers, into one directory or bucket.

    Without `decode` it does not decode what it has made before it is stored, as restic before 0.17 and borg do not.
    """

    def __init__(self, level: int, bucket: Bucket | None = None, *, decode: bool = True) -> None:
        self.name = OWN if decode else NOT_DECODING
        self._level = level
        self._bucket = bucket
        self._decode = decode

    def _run(self, work: Path, *words: str) -> Figures:
        program = Path(sys.executable).with_name("strongroom")
        command: list[str | Path] = [program, "--config", work / "strongroom.toml", *words]
        keys = {} if self._bucket is None else {"KEY": self._bucket.access_key, "SECRET": self._bucket.secret_key}
        return run(command, env=keys, log=work / "log")

    def initialise(self, work: Path, tree: Path) -> None:
        place = DIRECTORY if self._bucket is None else BUCKET.format(url=self._bucket.url, name=self._bucket.name)
        (work / "strongroom.toml").write_text(
            CONFIGURATION.format(level=self._level, decode=str(self._decode).lower(), place=place, tree=tree)
        )
        self._run(work, "init", "--upgrade")

    def backup(self, work: Path, tree: Path) -> Figures:
        return self._run(work, "backup", "run", "tree", "--here", "--quiet")

    def restore(self, work: Path, target: Path) -> Figures:
        return self._run(work, "restore", "run", "latest:tree", "--target", str(target), "--here", "--quiet")

    def check(self, work: Path) -> Figures:
        return self._run(work, "backup", "verify", "latest:tree", "--level", "data", "--here", "--quiet")

    def stored(self, work: Path) -> Path:
        return work / "region"


DIRECTORY = """\
kind = "directory"
path = "region"
"""

BUCKET = """\
kind = "s3"
bucket = "{name}"
endpoint = "{url}"
access_key_env = "KEY"
secret_key_env = "SECRET"
"""

CONFIGURATION = """\
data_dir = "data"

[repository]
compression_level = {level}
verify_packs = {decode}

[regions.home]
home = true
{place}
[sources.tree]
kind = "files"
path = "{tree}"
"""


def fresh(folder: Path) -> Path:
    """Return folder, empty."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
