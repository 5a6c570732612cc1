"""Rotation in two steps, with the texts of the requirement; nothing is written under a version somebody lacks."""

import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.columnkeys.changes import first_ring, new_version
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.ring import KeyState
from strongroom.jobs.key_holders import HolderIdentity, record_holding

NOW = datetime(2026, 1, 14, tzinfo=UTC)


def states(folder: Path) -> dict[str, str]:
    ring = EnvCryptoFile(folder / ".env.crypto").load()
    return {name: version.state.value for name, version in ring.versions.items()}


@pytest.fixture
def stale(installation: Path) -> None:
    """Have a live process that holds another ring."""
    catalog = Catalog(open_engine(f"sqlite:///{installation / 'data' / 'catalog.db'}"))
    with catalog.begin() as session:
        ring = first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom))
        record_holding(session, HolderIdentity("web-1", "host", 1, NOW), ring)
    catalog.close()


@pytest.mark.usefixtures("installation")
def test_a_rotation_in_portuguese_says_what_the_requirement_says(strongroom, answer, monkeypatch):
    strongroom("generate")
    monkeypatch.setenv("LANG", "pt_BR.UTF-8")
    answer("y\n")
    said = strongroom("rotate")

    assert said.code == 0
    assert said.out == (
        "Nova versão: v2\nPersistir: Sim\nDry-run: Não\n"
        "Criar versão 'v2' e marcar como ativa? [y/N]: \n"
        "[OK] Nova versao 'v2' criada e ativada\n[OK] Arquivo '.env.crypto' atualizado\n\n"
        "[AVISO] Proximos passos:\n"
        "   1. Execute 'strongroom secrets reencrypt' para atualizar dados existentes\n"
        "   2. Monitore o progresso da recriptografia\n"
        "   3. Apos conclusao, remova versoes antigas se desejar\n"
    )
    assert strongroom("list").out.startswith("Versao ativa: v2\n\nVersoes disponiveis (2):\n  - v1\n  - v2 [ATIVA]\n")


def test_the_options_of_the_requirement(strongroom, installation):
    strongroom("generate")

    assert strongroom("rotate", "--new-version", "v2-prod", "--yes", "--logfile", "rotacao.log").code == 0
    assert states(installation) == {"v1": "decrypt_only", "v2-prod": "active"}
    assert strongroom("rotate", "--yes", "--key-bytes", "48").code == 0
    assert states(installation) == {"v1": "decrypt_only", "v2-prod": "decrypt_only", "v2": "active"}


def test_a_dry_run_changes_nothing(strongroom, folder):
    strongroom("generate")
    before = (folder / ".env.crypto").read_bytes()

    assert strongroom("rotate", "--dry-run", "--logfile", "").code == 0
    assert (folder / ".env.crypto").read_bytes() == before


@pytest.mark.parametrize("typed", ["n\n", "\n", ""])
def test_without_a_yes_nothing_is_changed(strongroom, installation, answer, typed):
    strongroom("generate")
    answer(typed)

    assert strongroom("rotate").code == 13
    assert states(installation) == {"v1": "active"}


def test_outside_an_installation_somebody_has_to_say_that_one_process_uses_the_keys(strongroom, folder):
    strongroom("generate")

    assert strongroom("rotate", "--yes").code == 13
    assert states(folder) == {"v1": "active"}
    assert strongroom("rotate", "--yes", "--no-wait").code == 0
    assert states(folder) == {"v1": "decrypt_only", "v2": "active"}


@pytest.mark.usefixtures("stale")
def test_a_process_that_lacks_the_version_holds_the_promotion_back(strongroom, installation):
    strongroom("generate")
    said = strongroom("rotate", "--yes", "--wait-seconds", "0")

    assert said.code == 11
    assert "web-1" in said.err
    assert states(installation) == {"v1": "active", "v2": "pending"}
    assert strongroom("rotate", "--yes", "--new-version", "v3", "--no-wait").code == 11
    assert strongroom("rotate", "--yes", "--no-wait").code == 0
    assert states(installation) == {"v1": "decrypt_only", "v2": "active"}


def test_without_persist_the_file_is_left_and_the_version_is_written_apart(strongroom, folder):
    strongroom("generate")
    before = (folder / ".env.crypto").read_bytes()

    assert strongroom("rotate", "--no-persist", "--yes").code == 0
    apart = folder / ".env.crypto.new_v2"
    assert (folder / ".env.crypto").read_bytes() == before
    assert stat.S_IMODE(apart.stat().st_mode) == 0o600
    assert EnvCryptoFile(apart).load().active == "v2"


def test_a_ring_whose_active_version_the_environment_names_is_not_rotated(strongroom, folder, monkeypatch):
    strongroom("generate")
    monkeypatch.setenv("ACTIVE_ENCRYPTION_VERSION", "v1")

    assert strongroom("rotate", "--yes", "--no-wait").code == 11
    assert states(folder) == {"v1": "active"}
