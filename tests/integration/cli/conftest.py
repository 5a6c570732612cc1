"""An installation in one directory, and a way to call the command in it."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from strongroom.cli.main import main
from tests.integration.cli.shop import shop

__all__ = ["shop"]

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    """Call the command in an empty directory and return its exit code, stdout and stderr."""
    for name in [name for name in os.environ if name.startswith("STRONGROOM_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> tuple[int, str, str]:
        capfd.readouterr()
        code = main(words)
        output = capfd.readouterr()
        return code, output.out, output.err

    return call


@pytest.fixture
def installed(run: Run, tmp_path: Path) -> Run:
    """An installation with one source: a directory with two files."""
    assert run("init", "--quiet")[0] == 0
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    (uploads / "letter.txt").write_text("Dear reader")
    (uploads / "picture").write_bytes(os.urandom(100_000))
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write('\n[sources.uploads]\nkind = "files"\npath = "uploads"\n')
    return run


@pytest.fixture
def backed_up(installed: Run) -> str:
    """The id of a backup of that source, in all regions."""
    code, out, err = installed("backup", "run", "uploads", "--here", "--json")
    assert code == 0, err
    return str(events(out)[-1]["id"])


def events(out: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in out.splitlines()]
