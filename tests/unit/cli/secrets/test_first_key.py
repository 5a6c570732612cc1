"""Making the first key, listing and checking: the texts of the requirement, in English and in Portuguese."""

import base64
import json
import logging
import re
import stat
from pathlib import Path

import pytest

CONFIG = '[regions.a]\npath = "a"\n'


@pytest.fixture
def portuguese(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANG", "pt_BR.UTF-8")


def test_generate_writes_the_file_and_says_what_to_do_next(strongroom, folder):
    said = strongroom("generate")

    assert said.code == 0
    assert said.out.startswith(
        "[OK] Configuration written to: .env.crypto\n[OK] Version: v1\n[OK] Permissions set to 600\n\n"
    )
    assert "echo '.env.crypto' >> .gitignore" in said.out
    assert stat.S_IMODE((folder / ".env.crypto").stat().st_mode) == 0o600


@pytest.mark.usefixtures("portuguese")
def test_in_portuguese_the_texts_are_those_of_the_requirement(strongroom, folder):
    assert strongroom("generate").out.startswith(
        "[OK] Configuracao gerada em: .env.crypto\n[OK] Versao: v1\n[OK] Permissoes definidas como 600\n\n"
        "[AVISO] PROXIMOS PASSOS:\n   1. Adicione ao .gitignore: echo '.env.crypto' >> .gitignore\n"
    )
    text = (folder / ".env.crypto").read_text()
    assert re.match(
        r"# Gerado em \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\n# MANTENHA ESTE ARQUIVO SEGURO - NÃO VERSIONE EM GIT\n\n", text
    )
    assert strongroom("list").out == (
        "Versao ativa: v1\n\nVersoes disponiveis (1):\n  - v1 [ATIVA]\n\n"
        "[INFO] Configuracao carregada de:\n  - .env.crypto\n"
    )


@pytest.mark.usefixtures("portuguese")
def test_both_origins_are_listed(strongroom, folder, monkeypatch):
    strongroom("generate")
    monkeypatch.setenv("ACTIVE_ENCRYPTION_VERSION", "v1")

    assert strongroom("list").out.endswith("carregada de:\n  - .env.crypto\n  - Variaveis de ambiente\n")


def test_generate_takes_the_options_of_the_requirement(strongroom, folder):
    words = ("--env-file", "keys", "--version", "v7", "--key-bytes", "48", "--salt-bytes", "24", "--yes")
    assert strongroom("generate", *words).code == 0
    text = (folder / "keys").read_text()

    assert len(base64.b64decode(re.search('KEYS__v7="(.*)"', text)[1])) == 48
    assert len(base64.b64decode(re.search('SALT__v7="(.*)"', text)[1])) == 24


def test_generate_never_writes_over_a_file(strongroom, folder):
    strongroom("generate")
    before = (folder / ".env.crypto").read_bytes()

    assert strongroom("generate", "--yes").code == 11
    assert (folder / ".env.crypto").read_bytes() == before


def test_every_command_means_the_same_file(strongroom, folder, monkeypatch):
    (folder / "strongroom.toml").write_text(CONFIG + '[column_keys]\npath = "instance/.env.crypto"\n')
    (folder / "instance").mkdir()
    assert "written to: instance/.env.crypto\n" in strongroom("generate").out
    monkeypatch.setenv("STRONGROOM_ENVIRONMENT", "production")
    assert "written to: instance/.env.crypto.production\n" in strongroom("generate").out
    assert "instance/.env.crypto.production (" in strongroom("validate-config").out
    monkeypatch.setenv("STRONGROOM_CRYPTO_FILE", "elsewhere")
    assert "written to: elsewhere\n" in strongroom("generate").out


def test_validate_names_every_check(strongroom):
    strongroom("generate")
    said = strongroom("validate-config")

    assert said.code == 0
    assert said.out.splitlines()[-1] == "[OK] Valid configuration: .env.crypto (active version: v1)"
    assert "salt matches its hash" in said.out
    assert "key matches its check value" in said.out


def test_validate_refuses_a_damaged_salt(strongroom, folder):
    strongroom("generate")
    path = folder / ".env.crypto"
    salt = re.search('SALT__v1="(.*)"', path.read_text())[1]
    path.write_text(path.read_text().replace(salt, base64.b64encode(bytes(16)).decode()))
    said = strongroom("validate-config")

    assert said.code == 15
    assert "Salt integrity check failed" in said.err


def test_a_file_open_to_others_is_refused(strongroom, folder):
    strongroom("generate")
    (folder / ".env.crypto").chmod(0o644)

    assert strongroom("validate-config").code == 2


def test_json_shows_the_ring_and_no_key(strongroom, folder):
    strongroom("generate")
    document = json.loads(strongroom("list", "--json").out)

    assert document["active"] == "v1"
    assert document["versions"][0]["state"] == "active"
    assert not set(document["versions"][0]) & {"key", "salt"}


def test_a_log_file_has_a_name_of_its_own_and_every_line_its_time(strongroom, folder):
    strongroom("generate", "--logfile", "minha_operacao.log")
    strongroom("list", "--logfile", "")
    (automatic,) = folder.glob("secrets_*.log")

    assert re.fullmatch(r"secrets_\d{8}_\d{6}\.log", automatic.name)
    line = automatic.read_text().splitlines()[0]
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} - \S+ - INFO - Active version: v1", line)
    assert stat.S_IMODE((folder / "minha_operacao.log").stat().st_mode) == 0o600


def test_a_failure_is_in_the_log_file_with_its_stack_and_without_keys(strongroom, folder):
    strongroom("generate")
    path = folder / ".env.crypto"
    key = re.search('KEYS__v1="(.*)"', path.read_text())[1]
    path.write_text(path.read_text().replace("# KEEP", "# OTHER"))
    said = strongroom("list", "--logfile", "x.log")
    text = (folder / "x.log").read_text()

    assert said.code == 15
    assert "- ERROR - " in text
    assert "Traceback" in text
    assert key not in text + said.err
    assert logging.getLogger("strongroom").handlers == []


def test_a_log_file_that_cannot_be_made_stops_the_command(strongroom, folder):
    assert strongroom("generate", "--logfile", "none/x.log").code == 2
    assert not (folder / ".env.crypto").exists()
