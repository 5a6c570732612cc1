"""A folder of its own for every test of `strongroom secrets`, and no language, settings or keys from outside."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from strongroom.cli.main import main

OUTSIDE = ("LC_ALL", "LC_MESSAGES", "LANG", "STRONGROOM_CONFIG", "STRONGROOM_CRYPTO_FILE", "STRONGROOM_ENVIRONMENT")


@dataclass(frozen=True)
class Said:
    """What a call of the command printed, and how it ended."""

    code: int
    out: str
    err: str


Strongroom = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in OUTSIDE:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def strongroom(folder: Path, capsys: pytest.CaptureFixture[str]) -> Strongroom:
    def call(*words: str) -> Said:
        capsys.readouterr()
        code = main(["secrets", *words])
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call
