"""Every command of the requirement, as it is written there, with `strongroom` for `flask`, in an installation."""

import importlib
import io
import shlex
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

from strongroom.cli.main import main
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columns import use_keyring
from strongroom.columns.in_use import PROCESS
from strongroom.keyring.key_file import KeyFile

BASE = """
from sqlalchemy.orm import DeclarativeBase

class Base(DeclarativeBase):
    pass
"""
MODEL = """
from sqlalchemy.orm import Mapped, mapped_column
from app.models.base import Base
from strongroom.columns import EncryptedString

class User(Base):
    __tablename__ = "{table}"
    id: Mapped[int] = mapped_column(primary_key=True)
    {column}: Mapped[str | None] = mapped_column(EncryptedString(length=500), default=None)
"""
CONFIGURATION = '[regions.home]\npath = "region"\n[databases.app]\nurl_env = "APP_URL"\n'

# In the order an operator comes to them. What the requirement has its shell put together is put together here.
INITIAL = """
secrets generate --version v1 --key-bytes 32
secrets list
secrets list --logfile ""
secrets list --logfile "minha_operacao.log"
secrets list --logfile "lista_chaves.log"
secrets validate-config
secrets validate-config --logfile "validacao_config.log"
secrets validate-config --logfile "relatorio_validacao.log"
secrets backup-config
secrets backup-config --cleanup-old --keep-backups 10 --logfile "backup.log"
secrets rotate --dry-run --logfile ""
"""
ROTATION = """
secrets rotate
secrets list
secrets reencrypt --model app.models.autenticacao:User --column _otp_secret --dry-run --logfile ""
secrets reencrypt --model app.models.autenticacao:User --column _otp_secret
secrets reencrypt --model app.models.autenticacao:User --column _otp_secret --logfile "recriptografia.log"
secrets reencrypt --model app.models.user:User --column encrypted_field --logfile ""
secrets list-jobs
secrets list-jobs --status running --logfile "jobs_ativos.log"
secrets list-jobs --limit 50 --logfile ""
secrets rotate --new-version v2-prod --logfile "rotacao_20241015.log"
"""
CLEANUP = """
secrets cleanup-jobs
secrets cleanup-jobs --finished-older-than 30 --stalled-older-than 14 --logfile "limpeza_jobs.log"
secrets cleanup-jobs --dry-run --logfile ""
secrets cleanup-jobs --finished-older-than 7 --yes --logfile "limpeza_jobs.log"
secrets cleanup-jobs --finished-older-than 30 --stalled-older-than 7 --yes --logfile "logs/cleanup-jobs-20241015.log"
secrets cleanup-keys --model app.models.user:User --column encrypted_field --dry-run --logfile ""
secrets cleanup-keys --model app.models.user:User --column encrypted_field --keep-versions 5 --yes --logfile "l.log"
secrets cleanup-keys --model app.models.user:User --column encrypted_field --logfile "logs/cleanup.log"
secrets remove-versions --versions v1 --dry-run --logfile ""
secrets remove-versions --versions v1 --yes --logfile "remocao_versoes.log"
secrets cleanup-stats --logfile ""
"""


@pytest.fixture
def call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_catalog_url: str, capsys
) -> Iterator[Callable[[str], SimpleNamespace]]:
    """Call the command in the folder of an application; somebody at the terminal says y."""
    models = tmp_path / "app" / "models"
    models.mkdir(parents=True)
    (models / "base.py").write_text(BASE)
    (models / "autenticacao.py").write_text(MODEL.format(table="usuarios", column="_otp_secret"))
    (models / "user.py").write_text(MODEL.format(table="users", column="encrypted_field"))
    (tmp_path / "strongroom.toml").write_text(CONFIGURATION)
    KeyFile.create(tmp_path / "strongroom.keys", ["home"])
    (tmp_path / "logs").mkdir()
    for name in ("LC_ALL", "LC_MESSAGES", "LANG", "STRONGROOM_CRYPTO_FILE", "STRONGROOM_ENVIRONMENT"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("STRONGROOM_CATALOG_URL", sqlite_catalog_url)
    monkeypatch.setenv("STRONGROOM_SECRETS_PASSPHRASE", "correct horse battery")
    monkeypatch.setenv("APP_URL", f"sqlite:///{tmp_path / 'app.db'}")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))

    def run(line: str) -> SimpleNamespace:
        monkeypatch.setattr("sys.stdin", io.StringIO("y\n"))
        capsys.readouterr()
        code = main(shlex.split(line))
        said = capsys.readouterr()
        return SimpleNamespace(code=code, out=said.out, err=said.err)

    yield run
    PROCESS.hold(None)
    for name in [name for name in sys.modules if name == "app" or name.startswith("app.")]:
        del sys.modules[name]


def fill(folder: Path) -> None:
    """Write rows under the active version."""
    authentication = importlib.import_module("app.models.autenticacao")
    user = importlib.import_module("app.models.user")
    use_keyring(EnvCryptoFile(folder / ".env.crypto"))
    engine = create_engine(f"sqlite:///{folder / 'app.db'}")
    authentication.Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(authentication.User(_otp_secret=f"JBSWY3DPEHPK3P{n}") for n in range(150))
        session.add_all(user.User(encrypted_field=f"field {n}") for n in range(20))
        session.commit()
    engine.dispose()


def run_all(call: Callable[[str], SimpleNamespace], lines: str) -> None:
    outcomes = {line: call(line) for line in lines.strip().splitlines()}

    assert {line: said.err for line, said in outcomes.items() if said.code != 0} == {}


def test_every_command_of_the_requirement_runs_as_it_is_written(call, tmp_path):
    run_all(call, INITIAL)
    fill(tmp_path)
    run_all(call, ROTATION)
    stays = call("secrets remove-versions --versions v1,v3 --dry-run --logfile ''")
    assert stays.code == 10
    assert call("secrets reencrypt --model app.models.autenticacao:User --column _otp_secret --resume").code == 10
    run_all(call, CLEANUP)
    assert call("secrets cleanup-stats --operation-id cleanup_20241015_143022_a1b2 --logfile ''").code == 10
    latest = sorted(tmp_path.glob(".env.crypto.backup_*"))[-1].name
    run_all(
        call,
        f"""
secrets restore-config --backup-file {latest}
secrets restore-config --backup-file "{latest}" --logfile "restauracao.log"
secrets restore-config --backup-file {latest} --yes --logfile "restauracao.log"
secrets validate-config --logfile "validacao_pos_restauracao.log"
""",
    )
    names = {path.name for path in tmp_path.glob("*.log")}
    assert {"minha_operacao.log", "recriptografia.log", "remocao_versoes.log", "restauracao.log"} <= names
    assert any(name.startswith("secrets_") for name in names)
    assert "[CLEANUP-SUMMARY]" in (tmp_path / "remocao_versoes.log").read_text()


def test_no_log_file_holds_a_key_or_a_token(call, tmp_path):
    run_all(call, INITIAL)
    fill(tmp_path)
    run_all(call, ROTATION)
    text = (tmp_path / ".env.crypto").read_text()
    secrets = [line.partition("=")[2].strip('"') for line in text.splitlines() if line.startswith("ENCRYPTION_KEYS")]
    logs = "".join(path.read_text() for path in tmp_path.glob("*.log"))

    assert len(secrets) == 3
    assert not any(secret in logs for secret in secrets)
    assert "correct horse" not in logs
    assert "g1." not in logs
