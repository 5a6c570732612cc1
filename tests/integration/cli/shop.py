"""An application with an encrypted column, and an installation that knows it, for the tests of `strongroom secrets`."""

import importlib
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest
from sqlalchemy import Engine, create_engine, select, text
from sqlalchemy.orm import Session

from strongroom.catalog.engine import open_engine
from strongroom.cli.main import main
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columns import use_keyring
from strongroom.columns.in_use import PROCESS
from strongroom.keyring.key_file import KeyFile

MODELS = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from strongroom.columns import EncryptedString

class Base(DeclarativeBase):
    pass

class User(Base):
    __tablename__ = "usuarios"
    id: Mapped[int] = mapped_column(primary_key=True)
    nome: Mapped[str]
    otp_secret: Mapped[str | None] = mapped_column("_otp_secret", EncryptedString(length=500), default=None)
    token: Mapped[str | None] = mapped_column(EncryptedString(length=500, known_as="old.token"), default=None)
"""
DATABASE = '[databases.shop]\nurl_env = "SHOP_URL"\n'
CONFIGURATION = f'[regions.home]\npath = "region"\n{DATABASE}'
ROWS = 150
COLUMN = ("--model", "app_of_a_test.autenticacao:User", "--column", "_otp_secret")


class Shop:
    """The application, and the command."""

    def __init__(self, folder: Path, url: str, catalog_url: str, capsys: pytest.CaptureFixture[str]) -> None:
        self.folder, self._capsys = folder, capsys
        self.models = importlib.import_module("app_of_a_test.autenticacao")
        self.engine, self.catalog = create_engine(url), open_engine(catalog_url)

    def call(self, *words: str) -> SimpleNamespace:
        """Call the command."""
        self._capsys.readouterr()
        code = main(list(words))
        said = self._capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    def fill(self) -> None:
        """Write rows under v1, and make v2 the active version."""
        assert self.call("secrets", "generate").code == 0
        write_rows(self.models, self.engine, self.folder)
        assert self.call("secrets", "rotate", "--yes", "--no-wait").code == 0

    def tokens(self) -> list[str]:
        """Return what the database holds."""
        with self.engine.connect() as connection:
            return list(connection.execute(text("SELECT _otp_secret FROM usuarios ORDER BY id")).scalars())

    def secrets(self) -> list[str]:
        """Return what the application reads."""
        use_keyring(EnvCryptoFile(self.folder / ".env.crypto"))
        with Session(self.engine) as session:
            return list(session.scalars(select(self.models.User.otp_secret).order_by(self.models.User.id)))


def write_rows(models: ModuleType, engine: Engine, folder: Path) -> None:
    """Write rows under the active version of the keys in a folder."""
    models.Base.metadata.create_all(engine)
    use_keyring(EnvCryptoFile(folder / ".env.crypto"))
    with Session(engine) as session:
        session.add_all(models.User(nome=f"user {n}", otp_secret=f"SECRET{n}") for n in range(ROWS))
        session.commit()


@contextmanager
def application(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Have the application's models importable, and its database where DATABASE looks; gives the database's URL."""
    package = folder / "app_of_a_test"
    package.mkdir()
    (package / "autenticacao.py").write_text(MODELS, encoding="utf-8")
    url = f"sqlite:///{folder / 'shop.db'}"
    monkeypatch.setenv("SHOP_URL", url)
    monkeypatch.syspath_prepend(str(folder))
    yield url
    PROCESS.hold(None)
    for name in [name for name in sys.modules if name.startswith("app_of_a_test")]:
        del sys.modules[name]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_catalog_url: str, capsys) -> Iterator[Shop]:
    """An application with rows under v1, and a ring whose active version is v2."""
    (tmp_path / "strongroom.toml").write_text(CONFIGURATION)
    KeyFile.create(tmp_path / "strongroom.keys", ["home"])
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "STRONGROOM_CRYPTO_FILE", "STRONGROOM_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STRONGROOM_CATALOG_URL", sqlite_catalog_url)
    monkeypatch.chdir(tmp_path)
    with application(tmp_path, monkeypatch) as url:
        opened = Shop(tmp_path, url, sqlite_catalog_url, capsys)
        opened.fill()
        yield opened
        opened.catalog.dispose()
        opened.engine.dispose()
