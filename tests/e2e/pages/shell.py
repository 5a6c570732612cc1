"""Runs blocks of pages in a real shell, and compares every exit code with what the page promises."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.e2e.pages.blocks import COMMENT, Block, Line
from tests.e2e.pages.commands import write_client
from tests.services.processes import Server

PROJECT = Path(__file__).resolve().parents[3]
PATIENCE_SECONDS = 240


@dataclass(frozen=True)
class Shell:
    """A shell in `directory`, with the command on its path; nobody types, so what is asked for is read from `typed`."""

    directory: Path
    environment: Mapping[str, str]
    programs: Path

    def run(self, block: Block, names: Mapping[str, str], typed: str = "") -> list[str]:
        """Run a block with names put in for the words in capitals; return what did not end as promised."""
        lines = block.lines
        marks = self.directory / ".marks"
        marks.write_text("")
        done = self.execute("\n".join(f"{_bound(line, names)}\necho $? >> '{marks}'" for line in lines), typed)
        codes = [int(code) for code in marks.read_text().split()]
        wrong = [
            f"[{block.section}] {_bound(line, names)}\n  ended with {code}, not {line.ends_with}"
            for line, code in zip(lines, codes, strict=False)
            if code != line.ends_with
        ]
        if len(codes) != len(lines):
            wrong.append(f"[{block.section}] {len(codes)} of {len(lines)} commands ran")
        return [f"{one}\n{done.stdout[-1500:]}\n{done.stderr[-1500:]}" for one in wrong]

    def execute(self, script: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """Run a script as it is."""
        variables = {**os.environ, **self.environment}
        return subprocess.run(
            ["/bin/bash", "-o", "pipefail", "-c", script],
            cwd=self.directory,
            env=variables | {"PATH": f"{self.programs}:{variables['PATH']}"},
            input=typed,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )


def _bound(line: Line, names: Mapping[str, str]) -> str:
    command = COMMENT.sub("", line.text)
    for word, value in names.items():
        command = re.sub(rf"(?<![\w$]){word}(?!\w)", value, command)
    return command


@contextmanager
def opened_shell(directory: Path, environment: Mapping[str, str]) -> Iterator[Shell]:
    """Give a shell whose commands work in `directory`."""
    programs = directory / "bin"
    programs.mkdir()
    address = programs / "s"
    write_client(programs / "strongroom", address)
    argv = [sys.executable, "-m", "tests.e2e.pages.commands", str(address)]
    server = Server("commands", argv, programs, {"PYTHONPATH": str(PROJECT)})
    server.start(address.exists)
    try:
        yield Shell(directory, environment, programs)
    finally:
        server.kill()
