"""What changes files alone is in the audit log before it happens and after it, with digests and without secrets."""

import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from strongroom.catalog.audit import AuditRow
from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.jobs.key_holders import HolderIdentity, record_holding
from tests.integration.cli.conftest import Run
from tests.integration.cli.shop import COLUMN, Shop
from tests.services.audit import audit_rows


def rows_of(engine: Engine, operation: str) -> list[AuditRow]:
    return audit_rows(Catalog(engine), operation=operation)


def sha256_of(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


@contextmanager
def somebody_behind(shop: Shop) -> Iterator[None]:
    """A live process that reads the ring as it is now, and will not learn a new version."""
    with Session(shop.catalog) as session:
        ring = EnvCryptoFile(shop.folder / ".env.crypto").load()
        record_holding(session, HolderIdentity("web-1", "host", 1, datetime.now(UTC)), ring)
        session.commit()
    yield


def newest(shop: Shop, operation: str, count: int) -> list[AuditRow]:
    return rows_of(shop.catalog, operation)[-count:]


def test_a_rotation_is_announced_and_told_with_the_digests_that_sha256sum_prints(shop: Shop) -> None:
    file = shop.folder / ".env.crypto"
    before = sha256_of(file)
    assert shop.call("secrets", "rotate", "--yes", "--no-wait").code == 0

    begun, done = newest(shop, "cli: secrets rotate", 2)
    assert [(row.outcome, row.target, row.reason) for row in (begun, done)] == [
        ("begun", str(file), "version v3"),
        ("done", str(file), "version v3"),
    ]
    assert (begun.before_digest, begun.after_digest) == (before, "")
    assert (done.before_digest, done.after_digest) == (before, sha256_of(file))
    assert begun.actor_kind == "local"
    assert len({(row.trace_id, row.request_id, row.actor_name) for row in (begun, done)}) == 1
    assert all((begun.trace_id, begun.request_id, begun.actor_name))


def test_a_rotation_that_is_killed_half_way_leaves_what_it_began(shop: Shop) -> None:
    file = shop.folder / ".env.crypto"
    before = sha256_of(file)
    command = [sys.executable, "-m", "strongroom", "secrets", "rotate", "--yes"]
    unbuffered = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with (
        somebody_behind(shop),
        subprocess.Popen(command, cwd=shop.folder, env=unbuffered, stdout=subprocess.PIPE, text=True) as rotating,
    ):
        assert rotating.stdout is not None
        assert any(line.startswith("Waiting for processes") for line in rotating.stdout)
        rotating.kill()

    (row,) = [row for row in rows_of(shop.catalog, "cli: secrets rotate") if row.reason == "version v3"]
    assert (row.outcome, row.before_digest) == ("begun", before)
    assert sha256_of(file) != before


def test_a_rotation_that_gives_up_is_told_with_its_reason_and_what_it_left(shop: Shop) -> None:
    file = shop.folder / ".env.crypto"
    before = sha256_of(file)
    with somebody_behind(shop):
        assert shop.call("secrets", "rotate", "--yes", "--wait-seconds", "0").code != 0

    begun, failed = newest(shop, "cli: secrets rotate", 2)
    assert (begun.outcome, failed.outcome) == ("begun", "failed")
    assert failed.reason == "rotation.processes_behind; version v3"
    assert (failed.before_digest, failed.after_digest) == (before, sha256_of(file))
    assert before != sha256_of(file)


def test_versions_that_are_disabled_and_enabled_are_told(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_SECRETS_PASSPHRASE", "correct horse battery")
    assert shop.call("secrets", "reencrypt", *COLUMN).code == 0
    assert shop.call("secrets", "disable-versions", "--versions", "v1", "--yes").code == 0
    assert shop.call("secrets", "enable-versions", "--versions", "v1").code == 0
    assert shop.call("secrets", "backup-config").code == 0

    for name, reason in (("disable-versions", "versions v1"), ("enable-versions", "versions v1")):
        rows = rows_of(shop.catalog, f"cli: secrets {name}")
        assert [(row.outcome, row.reason) for row in rows] == [("begun", reason), ("done", reason)]
        assert rows[1].before_digest != rows[1].after_digest
    (copy,) = shop.folder.glob(".env.crypto.backup_*")
    _, done = rows_of(shop.catalog, "cli: secrets backup-config")
    assert done.reason == f"sealed copy {copy.name}, 0 old ones removed"


def test_no_key_and_no_salt_is_in_the_log(shop: Shop) -> None:
    ring = EnvCryptoFile(shop.folder / ".env.crypto").load()
    secrets = [text for version in ring.versions.values() for text in (version.key.hex(), version.salt.hex())]
    rows = audit_rows(Catalog(shop.catalog))
    told = " ".join(str(getattr(row, column.name)) for row in rows for column in AuditRow.__table__.columns)

    assert len(rows) > 2
    assert not any(secret in told for secret in secrets)


def test_a_log_that_does_not_answer_is_said_and_the_copy_is_put_back(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("STRONGROOM_SECRETS_PASSPHRASE", "correct horse battery")
    assert shop.call("secrets", "backup-config").code == 0
    (copy,) = shop.folder.glob(".env.crypto.backup_*")
    (shop.folder / ".env.crypto").unlink()
    monkeypatch.setenv("STRONGROOM_CATALOG_URL", f"sqlite:///{shop.folder}/nowhere/catalog.db")

    said = shop.call("secrets", "restore-config", "--backup-file", copy.name, "--yes")

    assert said.code == 0, said.err
    assert (shop.folder / ".env.crypto").exists()
    assert caplog.text.count("cli: secrets restore-config is not in the audit log") == 2


def test_a_recovery_kit_that_cannot_be_written_is_told(installed: Run, tmp_path: Path) -> None:
    (tmp_path / "kit.txt").write_text("mine")
    assert installed("recovery-kit", "kit.txt")[0] != 0

    engine = open_engine(f"sqlite:///{tmp_path}/data/catalog.db")
    rows = rows_of(engine, "cli: recovery-kit")
    engine.dispose()
    assert [(row.outcome, row.reason.partition(";")[0]) for row in rows] == [
        ("begun", rows[0].reason),
        ("failed", "cli.kit_exists"),
    ]
    assert (tmp_path / "kit.txt").read_text() == "mine"


def test_a_key_of_a_region_that_is_renewed_is_told_with_its_version(installed: Run, tmp_path: Path) -> None:
    assert installed("rotate-kek", "--region", "eu-west-1", "--here")[0] == 0

    engine = open_engine(f"sqlite:///{tmp_path}/data/catalog.db")
    begun, done, asked = rows_of(engine, "cli: rotate-kek")
    engine.dispose()
    assert (begun.outcome, done.outcome, asked.outcome) == ("begun", "done", "done")
    assert "version" in done.reason
    assert done.after_digest == sha256_of(tmp_path / "strongroom.keys")
    assert "job" in asked.reason
