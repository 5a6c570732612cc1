"""Column keys are sealed to the recovery key of the installation, and come back from the paper alone."""

from pathlib import Path

from strongroom.columnkeys.env_file import EnvCryptoFile
from tests.integration.cli.conftest import Run


def test_a_copy_sealed_to_the_recovery_key_opens_with_the_paper(installed: Run, tmp_path: Path) -> None:
    assert installed("secrets", "generate")[0] == 0
    assert installed("secrets", "backup-config", "--recovery-key")[0] == 10
    assert installed("recovery-kit", "kit.txt", "--here")[0] == 0
    code, _, err = installed("secrets", "backup-config", "--recovery-key")
    assert code == 0, err
    file = EnvCryptoFile(tmp_path / ".env.crypto")
    before = file.load()
    file.path.unlink()

    (copy,) = tmp_path.glob(".env.crypto.backup_*")
    words = ("--backup-file", copy.name, "--recovery-key-file", "kit.txt", "--yes")
    code, _, err = installed("secrets", "restore-config", *words)

    assert code == 0, err
    assert file.load() == before
