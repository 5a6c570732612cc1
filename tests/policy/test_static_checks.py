"""The checks of `make check` that are programs of their own, so that continuous integration needs one command only."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.policy.project import ROOT

TOOLS = Path(sys.executable).parent


def typed_paths() -> list[str]:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(r"^TYPED := (.+)$", makefile, flags=re.MULTILINE)
    assert found, "The Makefile no longer says which folders are typed."
    return found[1].split()


COMMANDS = {
    "formatting": ["ruff", "format", "--check", "."],
    "lint": ["ruff", "check", "."],
    "import rules": ["lint-imports"],
    "types": ["mypy", *typed_paths()],
}


@pytest.mark.parametrize("command", COMMANDS.values(), ids=COMMANDS.keys())
def test_a_static_check_finds_nothing(command: list[str]):
    run = subprocess.run([TOOLS / command[0], *command[1:]], check=False, cwd=ROOT, capture_output=True, text=True)

    assert run.returncode == 0, f"{' '.join(command)}\n{run.stdout}\n{run.stderr}"
