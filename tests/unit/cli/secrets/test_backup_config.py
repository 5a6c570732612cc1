"""Sealed copies by command: no second plain copy, verified before they replace anything, never a key lost."""

import os
import re
from pathlib import Path

import pytest

from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.keyring.recovery_text import key_text
from strongroom.keyring.secret import SecretKey


def copies(folder: Path) -> list[Path]:
    return sorted(folder.glob(".env.crypto.backup_*"))


def key_of(folder: Path) -> str:
    return re.search('KEYS__v1="(.*)"', (folder / ".env.crypto").read_text())[1]


@pytest.mark.usefixtures("passphrase")
def test_a_backup_is_sealed_and_named_by_its_time(strongroom, folder):
    strongroom("generate")
    said = strongroom("backup-config")
    (copy,) = copies(folder)

    assert said.out == f"[OK] Backup created: {copy.name}\n"
    assert re.fullmatch(r"\.env\.crypto\.backup_\d{8}_\d{6}", copy.name)
    assert key_of(folder) not in copy.read_text()


def test_without_a_passphrase_and_anybody_to_ask_there_is_no_copy(strongroom, folder, answer):
    strongroom("generate")
    answer("")
    said = strongroom("backup-config")

    assert said.code == 2
    assert "STRONGROOM_SECRETS_PASSPHRASE" in said.err
    assert copies(folder) == []


@pytest.mark.usefixtures("passphrase")
def test_old_copies_are_removed_when_asked(strongroom, folder):
    strongroom("generate")
    for _ in range(4):
        strongroom("backup-config")
    said = strongroom("backup-config", "--cleanup-old", "--keep-backups", "2", "--logfile", "backup.log")

    assert said.out.count("Old backup removed") == 3
    assert len(copies(folder)) == 2
    assert "Old backup removed" in (folder / "backup.log").read_text()


@pytest.mark.usefixtures("passphrase")
def test_a_lost_file_is_restored(strongroom, folder):
    strongroom("generate")
    before = EnvCryptoFile(folder / ".env.crypto").load()
    strongroom("backup-config")
    (folder / ".env.crypto").unlink()
    said = strongroom(
        "restore-config", "--backup-file", copies(folder)[0].name, "--yes", "--logfile", "restauracao.log"
    )

    assert said.code == 0
    assert EnvCryptoFile(folder / ".env.crypto").load() == before
    assert strongroom("validate-config").code == 0


@pytest.mark.usefixtures("passphrase")
def test_a_damaged_file_is_replaced_and_kept_beside(strongroom, folder):
    strongroom("generate")
    strongroom("backup-config")
    path = folder / ".env.crypto"
    path.write_text(path.read_text().replace("ENCRYPTION_KEYS", "ENCRYPTION_KEY"))
    said = strongroom("restore-config", "--backup-file", copies(folder)[0].name, "--yes")

    assert said.code == 0
    assert "cannot be read" in said.err
    assert strongroom("validate-config").code == 0
    assert "ENCRYPTION_KEY__v1" in (folder / ".env.crypto.damaged").read_text()


@pytest.mark.usefixtures("passphrase")
def test_versions_made_after_the_copy_survive_a_restore(strongroom, folder):
    strongroom("generate")
    strongroom("backup-config")
    strongroom("rotate", "--no-wait", "--yes")
    said = strongroom("restore-config", "--backup-file", copies(folder)[0].name, "--yes")

    assert "[NOTICE] Kept from the file, to read only: v2\n" in said.out
    assert strongroom("list").out.startswith("Active version: v1\n\nAvailable versions (2):\n  - v1 [ACTIVE]\n  - v2\n")


@pytest.mark.usefixtures("passphrase")
def test_a_copy_that_does_not_open_replaces_nothing(strongroom, folder, monkeypatch):
    strongroom("generate")
    strongroom("backup-config")
    before = (folder / ".env.crypto").read_bytes()
    copy = copies(folder)[0]
    monkeypatch.setenv("STRONGROOM_SECRETS_PASSPHRASE", "incorrect horse battery")
    assert strongroom("restore-config", "--backup-file", copy.name, "--yes").code == 12
    copy.write_bytes(copy.read_bytes()[:200])
    assert strongroom("restore-config", "--backup-file", copy.name, "--yes").code == 15
    assert strongroom("restore-config", "--backup-file", "none", "--yes").code == 2

    assert (folder / ".env.crypto").read_bytes() == before


@pytest.mark.usefixtures("passphrase")
def test_a_restore_asks_first(strongroom, folder, answer):
    strongroom("generate")
    strongroom("backup-config")
    before = (folder / ".env.crypto").read_bytes()
    answer("n\n")

    assert strongroom("restore-config", "--backup-file", copies(folder)[0].name).code == 13
    assert (folder / ".env.crypto").read_bytes() == before


def test_a_passphrase_file_has_to_be_private(strongroom, folder):
    strongroom("generate")
    secret = folder / "passphrase"
    secret.write_text("correct horse battery\n")
    secret.chmod(0o644)
    assert strongroom("backup-config", "--passphrase-file", "passphrase").code == 2

    secret.chmod(0o600)
    assert strongroom("backup-config", "--passphrase-file", "passphrase").code == 0
    words = ("--passphrase-file", "passphrase", "--yes")
    assert strongroom("restore-config", "--backup-file", copies(folder)[0].name, *words).code == 0


@pytest.mark.usefixtures("passphrase")
def test_a_recovery_key_that_the_copy_was_not_sealed_to_is_refused(strongroom, folder):
    strongroom("generate")
    strongroom("backup-config")
    paper = folder / "kit"
    paper.write_text(key_text(SecretKey(os.urandom(32))))
    paper.chmod(0o600)
    words = ("--recovery-key-file", "kit", "--yes")

    assert strongroom("restore-config", "--backup-file", copies(folder)[0].name, *words).code == 12
