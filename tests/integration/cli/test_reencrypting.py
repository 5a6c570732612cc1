"""Re-encryption as an operator does it: the commands of the requirement, as they are written there."""

import importlib
import io
import sys
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine, select, text, update
from sqlalchemy.orm import Session

from strongroom.catalog.engine import open_engine
from strongroom.catalog.reencryption import ReencryptionJob
from strongroom.cli.main import main
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columns import use_keyring
from strongroom.columns.in_use import hold

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
"""
CONFIGURATION = '[regions.home]\npath = "region"\n[databases.shop]\nurl_env = "SHOP_URL"\n'
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
        self.models.Base.metadata.create_all(self.engine)
        use_keyring(EnvCryptoFile(self.folder / ".env.crypto"))
        with Session(self.engine) as session:
            session.add_all(self.models.User(nome=f"user {n}", otp_secret=f"SECRET{n}") for n in range(ROWS))
            session.commit()
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


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_catalog_url: str, capsys) -> Iterator[Shop]:
    """An application with rows under v1, and a ring whose active version is v2."""
    package = tmp_path / "app_of_a_test"
    package.mkdir()
    (package / "autenticacao.py").write_text(MODELS, encoding="utf-8")
    (tmp_path / "strongroom.toml").write_text(CONFIGURATION)
    url = f"sqlite:///{tmp_path / 'shop.db'}"
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "STRONGROOM_CRYPTO_FILE", "STRONGROOM_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STRONGROOM_CATALOG_URL", sqlite_catalog_url)
    monkeypatch.setenv("SHOP_URL", url)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    opened = Shop(tmp_path, url, sqlite_catalog_url, capsys)
    opened.fill()
    yield opened
    opened.catalog.dispose()
    opened.engine.dispose()
    hold(None)
    for name in [name for name in sys.modules if name.startswith("app_of_a_test")]:
        del sys.modules[name]


def test_the_command_of_the_requirement_says_what_it_does(shop):
    said = shop.call("secrets", "reencrypt", *COLUMN)

    assert said.code == 0, said.err
    assert said.out.splitlines() == [
        "Job ID: 1",
        "Target: app_of_a_test.autenticacao:User._otp_secret",
        "Target version: v2",
        "Total records: 150",
        "Progress: 0/150 (0 skipped)",
        "",
        "[OK] Re-encryption complete!",
        "  Processed: 150",
        "  Skipped (up to date): 0",
        "  Errors: 0",
        "  Version v2: 150",
    ]
    assert {token[:6] for token in shop.tokens()} == {"v2:g1."}
    assert shop.secrets() == [f"SECRET{n}" for n in range(ROWS)]


def test_it_speaks_portuguese_where_the_terminal_does(shop, monkeypatch):
    monkeypatch.setenv("LANG", "pt_BR.UTF-8")
    said = shop.call("secrets", "reencrypt", *COLUMN, "--logfile", "recriptografia.log")

    assert "Versão alvo: v2\nTotal de registros: 150\nProgresso: 0/150 (0 ignorados)\n" in said.out
    assert "[OK] Recriptografia concluida!\n  Processados: 150\n" in said.out
    log = (shop.folder / "recriptografia.log").read_text(encoding="utf-8")
    assert "Ignorados (ja atualizados): 0" in log
    assert "v1:" not in log


def test_a_dry_run_counts_and_writes_nothing(shop):
    before = shop.tokens()

    said = shop.call("secrets", "reencrypt", *COLUMN, "--dry-run", "--logfile", "")

    assert (said.code, shop.tokens()) == (0, before)
    assert "[OK] Dry run complete! Nothing was changed.\n  To process: 150\n" in said.out
    assert "Version v1: 150" in said.out
    assert len(list(shop.folder.glob("secrets_*_*.log"))) == 1


def test_a_table_is_named_instead_of_a_class(shop):
    assert shop.call("secrets", "reencrypt", "--table", "usuarios", "--column", "_otp_secret").code == 0
    assert shop.secrets() == [f"SECRET{n}" for n in range(ROWS)]


def test_a_row_that_does_not_open_is_named_and_the_command_ends_with_partial(shop):
    with shop.engine.begin() as connection:
        connection.execute(text("UPDATE usuarios SET _otp_secret = 'plain' WHERE id = 7"))

    said = shop.call("secrets", "reencrypt", *COLUMN)

    assert said.code == 3
    assert "  Errors: 1" in said.out
    assert "row 7 was left as it is: columns.not_a_token" in said.err
    assert shop.tokens()[6] == "plain"


def test_an_interrupted_one_is_paused_listed_and_resumed(shop):
    left = shop.call("secrets", "reencrypt", *COLUMN, "--no-wait")
    assert left.code == 0
    assert shop.call("jobs", "pause", "1").code == 0
    listed = shop.call("secrets", "list-jobs", "--status", "paused")
    assert "paused" in listed.out
    assert "0/150" in listed.out
    busy = shop.call("secrets", "reencrypt", *COLUMN)
    assert (busy.code, "rotation.column_busy" in busy.err) == (11, True)

    resumed = shop.call("secrets", "reencrypt", *COLUMN, "--resume", "--logfile", "retomada.log")

    assert resumed.code == 0
    assert "Job ID: 1" in resumed.out
    assert {token[:3] for token in shop.tokens()} == {"v2:"}


def test_a_cancelled_one_is_resumed_by_its_number(shop):
    shop.call("secrets", "reencrypt", *COLUMN, "--no-wait")
    assert shop.call("jobs", "cancel", "1").code == 0
    assert "failed" in shop.call("secrets", "list-jobs").out

    assert shop.call("secrets", "reencrypt", "--resume", "--job-id", "1").code == 0
    assert shop.call("secrets", "reencrypt", *COLUMN, "--resume").code == 10


def test_old_ones_are_cleaned_up(shop, monkeypatch):
    shop.call("secrets", "reencrypt", *COLUMN)
    assert "Finished jobs older than 7 days: 0" in shop.call("secrets", "cleanup-jobs").out
    with Session(shop.catalog) as session:
        job = session.get_one(ReencryptionJob, 1)
        session.execute(update(ReencryptionJob).values(finished_at=job.finished_at.replace(year=2020)))
        session.commit()

    shown = shop.call("secrets", "cleanup-jobs", "--dry-run", "--logfile", "")
    assert "Finished jobs older than 7 days: 1" in shown.out
    monkeypatch.setattr(sys, "stdin", io.StringIO(""))
    assert shop.call("secrets", "cleanup-jobs").code == 13
    done = shop.call(
        "secrets",
        "cleanup-jobs",
        "--finished-older-than",
        "30",
        "--stalled-older-than",
        "14",
        "--yes",
        "--logfile",
        "a.log",
    )

    assert "[OK] Jobs removed: 1" in done.out
    assert "Re-encryption jobs (0):" in shop.call("secrets", "list-jobs", "--limit", "50").out


@pytest.mark.parametrize(
    ("words", "code", "error"),
    [
        (("--model", "nowhere:User", "--column", "x"), 2, "rotation.model_not_found"),
        (("--model", "app_of_a_test.autenticacao:User", "--column", "x"), 10, "rotation.column_not_found"),
        (("--table", "nowhere", "--column", "x"), 10, "rotation.table_not_found"),
        (("--table", "usuarios", "--column", "nome", "--database", "none"), 10, "settings.unknown_database"),
        ((), 2, "cli.usage"),
    ],
)
def test_what_cannot_be_done_is_said(shop, words, code, error):
    said = shop.call("secrets", "reencrypt", *words)

    assert (said.code, error in said.err) == (code, True), said.err
