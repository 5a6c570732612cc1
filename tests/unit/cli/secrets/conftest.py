"""A folder of its own for every test of `strongroom secrets`, and no language, settings or keys from outside."""

import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade
from strongroom.cli.main import main

OUTSIDE = (
    "LC_ALL",
    "LC_MESSAGES",
    "LANG",
    "STRONGROOM_CONFIG",
    "STRONGROOM_CATALOG_URL",
    "STRONGROOM_CRYPTO_FILE",
    "STRONGROOM_ENVIRONMENT",
    "STRONGROOM_SECRETS_PASSPHRASE",
)


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


@pytest.fixture
def installation(folder: Path) -> Path:
    """Make a configuration with a catalog in the folder, and return the folder."""
    (folder / "strongroom.toml").write_text('[regions.a]\npath = "a"\n')
    (folder / "data").mkdir()
    engine = open_engine(f"sqlite:///{folder / 'data' / 'catalog.db'}")
    upgrade(engine)
    engine.dispose()
    return folder


@pytest.fixture
def passphrase(folder: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setenv("STRONGROOM_SECRETS_PASSPHRASE", "correct horse battery")
    return "correct horse battery"


@pytest.fixture
def answer(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Type something at the terminal of the next question."""

    def typed(text: str) -> None:
        monkeypatch.setattr("sys.stdin", io.StringIO(text))

    return typed
