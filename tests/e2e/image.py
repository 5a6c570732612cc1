"""The tree of the image, made by the Dockerfile's own steps in an empty directory, and processes started from it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tests.policy.deployment import with_default
from tests.policy.dockerfile import Instruction, Stage, read_dockerfile
from tests.policy.project import ROOT

DOCKERFILE = ROOT / "docker" / "Dockerfile"
OF_THE_SYSTEM = ("apt-get", "groupadd")
"""Steps that change the machine: the packages they install are those of tests/install-services."""


@dataclass(frozen=True)
class Image:
    """The tree below `prefix`, and what the Dockerfile says about processes that run from it."""

    prefix: Path
    final: Stage

    @property
    def environment(self) -> dict[str, str]:
        """The variables that every process gets."""
        return self.final.environment()

    @property
    def workdir(self) -> Path:
        """Where processes start."""
        return Path(self.final.last("WORKDIR").rest)

    def argv(self, words: list[str]) -> list[str]:
        """Return a command with its program found as in the image."""
        program = shutil.which(words[0], path=self.environment["PATH"])
        assert program, words[0]
        return [program, *words[1:]]

    def files(self) -> set[Path]:
        """Return every file of the tree."""
        return {path for path in self.prefix.rglob("*") if not path.is_dir()}


def make_image(directory: Path) -> Image:
    """Follow the steps of the Dockerfile with `directory` as the root of the image; it must be new."""
    prefix = directory / "opt" / "strongroom"
    prefix.mkdir(parents=True)
    *builds, final = read_dockerfile(DOCKERFILE, {"PREFIX": str(prefix)})
    for stage in (*builds, final):
        for instruction in stage.instructions:
            _follow(stage, instruction)
    for path in (prefix, *prefix.rglob("*")):
        if not path.is_symlink():
            path.chmod(path.stat().st_mode & 0o555 | (0o755 & 0o555 if path.is_dir() else 0o444))
    return Image(prefix, final)


def _follow(stage: Stage, instruction: Instruction) -> None:
    if instruction.word == "COPY":
        *sources, target = instruction.words
        for source in sources:
            _copy(instruction, source, Path(target))
    elif instruction.word == "RUN" and not instruction.rest.startswith(OF_THE_SYSTEM):
        _run(stage, instruction.rest)


def _copy(instruction: Instruction, source: str, target: Path) -> None:
    if "from" in instruction.options:
        # Between stages the tree stays where it is, as a venv must.
        assert Path(source) == target
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    origin = ROOT / source
    if origin.is_dir():
        shutil.copytree(origin, target, ignore=shutil.ignore_patterns("__pycache__"))
    else:
        shutil.copyfile(origin, target)
    if mode := instruction.options.get("chmod"):
        target.chmod(int(mode, 8))


def _run(stage: Stage, command: str) -> None:
    variables = {name: value for name, value in stage.environment().items() if name != "PIP_CACHE_DIR"}
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        ["sh", "-c", f"umask 022; {command}"],
        env={**os.environ, **variables, "PATH": path},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, f"{command}: {done.stderr[-2000:]}"


def secret_files(variables: Mapping[str, str], directory: Path) -> Iterator[tuple[str, str]]:
    """Yield the variables of a service with its secrets where they are in a test."""
    for name, value in variables.items():
        yield name, with_default(value).replace("/run/secrets", str(directory))
