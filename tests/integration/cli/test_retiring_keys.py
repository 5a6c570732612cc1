"""A key goes when nothing needs it any more, and not before; a sealed copy of it stays for a while."""

import io
import json
import os
import re
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import text
from sqlalchemy.orm import Session

from strongroom.catalog.backups import Backup, BackupKind, BackupState
from strongroom.catalog.reencryption import QuarantinedRow
from strongroom.columnkeys.changes import first_ring, new_version
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.ring import KeyState
from strongroom.jobs.key_holders import HolderIdentity, record_holding
from strongroom.rotation import retiring
from tests.integration.cli.shop import COLUMN

NOW = datetime(2026, 1, 14, tzinfo=UTC)
REMOVE = ("secrets", "remove-versions", "--versions", "v1", "--yes")


@pytest.fixture
def sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STRONGROOM_SECRETS_PASSPHRASE", "correct horse battery")


@pytest.fixture
def rewritten(shop, sealed):
    """The shop, with every row under v2."""
    assert shop.call("secrets", "reencrypt", *COLUMN).code == 0
    return shop


def states(shop) -> dict[str, str]:
    ring = EnvCryptoFile(shop.folder / ".env.crypto").load()
    return {name: version.state.value for name, version in ring.versions.items()}


def add_backup(shop, *, kind: str = "postgres", at: datetime | None = None) -> None:
    at = at or datetime.now(UTC)
    with Session(shop.catalog) as session:
        session.add(
            Backup(
                id=uuid.uuid4(),
                source="shop",
                source_kind=kind,
                kind=BackupKind.FULL,
                state=BackupState.COMMITTED,
                session_id=uuid.uuid4(),
                trace_id="0" * 32,
                policy="critical-data",
                regions=["home"],
                created_at=at,
                committed_at=at,
            )
        )
        session.commit()


def test_a_version_that_nothing_needs_goes_and_can_be_brought_back(rewritten):
    said = rewritten.call(*REMOVE, "--logfile", "remocao.log")
    log = (rewritten.folder / "remocao.log").read_text()

    assert said.code == 0, said.err
    assert states(rewritten) == {"v1": "destroyed", "v2": "active"}
    assert re.search(r"\[CLEANUP-AUDIT\] Operation started - ID: cleanup_\d{8}_\d{6}_[0-9a-f]{4}\n", log)
    assert "[CLEANUP-SUMMARY] ID: cleanup_" in log
    (copy,) = rewritten.folder.glob(".env.crypto.backup_*")
    assert rewritten.call("secrets", "restore-config", "--backup-file", copy.name, "--yes").code == 0
    assert states(rewritten) == {"v1": "decrypt_only", "v2": "active"}


@pytest.mark.usefixtures("sealed")
def test_rows_keep_their_version(shop):
    assert shop.call("secrets", "reencrypt", *COLUMN, "--dry-run").code == 0
    said = shop.call(*REMOVE)

    assert said.code == 11
    assert "150 rows of shop:usuarios._otp_secret are under it" in said.err
    assert states(shop) == {"v1": "decrypt_only", "v2": "active"}
    assert not list(shop.folder.glob(".env.crypto.backup_*"))


def test_a_quarantined_row_keeps_its_version(rewritten):
    with Session(rewritten.catalog) as session:
        values = {"key_digest": "0" * 64, "key": [1], "job_id": 1, "token_sha256": "0" * 64, "reason": "damaged"}
        session.add(QuarantinedRow(place="elsewhere:t.c", version="v1", seen_at=NOW, **values))
        session.commit()

    assert "1 quarantined rows" in rewritten.call(*REMOVE).err
    assert states(rewritten)["v1"] == "decrypt_only"


def test_an_open_reencryption_keeps_every_version(rewritten):
    assert rewritten.call("secrets", "reencrypt", *COLUMN, "--no-wait").code == 0
    said = rewritten.call(*REMOVE)

    assert (said.code, "re-encryption 2 is open" in said.err) == (11, True)


def test_a_process_that_writes_under_a_version_keeps_it(rewritten):
    with Session(rewritten.catalog) as session:
        ring = first_ring(new_version("v1", KeyState.ACTIVE, NOW, os.urandom))
        record_holding(session, HolderIdentity("web-1", "host", 1, NOW), ring)
        session.commit()
    said = rewritten.call(*REMOVE)

    assert (said.code, "process web-1 may write under it" in said.err) == (11, True)


def test_a_kept_backup_keeps_its_version_until_it_was_disabled_before(rewritten):
    add_backup(rewritten, kind="files")
    add_backup(rewritten, at=NOW - timedelta(days=1000))
    assert rewritten.call("secrets", "remove-versions", "--versions", "v1", "--dry-run").code == 0
    add_backup(rewritten)
    said = rewritten.call(*REMOVE)
    assert (said.code, "1 kept backups may hold rows under it" in said.err) == (11, True)

    assert rewritten.call("secrets", "disable-versions", "--versions", "v1", "--yes").code == 0
    assert states(rewritten)["v1"] == "disabled"
    assert rewritten.call(*REMOVE).code == 11
    with Session(rewritten.catalog) as session:
        session.query(Backup).filter(Backup.committed_at > NOW).update({"state": BackupState.RETIRED})
        session.commit()
    add_backup(rewritten, at=datetime.now(UTC) + timedelta(seconds=5))
    assert rewritten.call(*REMOVE).code == 0


@pytest.mark.usefixtures("sealed")
def test_a_version_in_use_is_not_disabled_and_a_disabled_one_comes_back(shop):
    shop.call("secrets", "reencrypt", *COLUMN, "--dry-run")
    assert shop.call("secrets", "disable-versions", "--versions", "v1", "--yes").code == 11
    shop.call("secrets", "reencrypt", *COLUMN)
    assert shop.call("secrets", "disable-versions", "--versions", "v1", "--yes").code == 0
    assert shop.call("secrets", "enable-versions", "--versions", "v1").code == 0

    assert states(shop) == {"v1": "decrypt_only", "v2": "active"}


def test_a_row_that_is_written_at_the_last_moment_rolls_the_removal_back(rewritten, monkeypatch):
    token = rewritten.tokens()[0].replace("v2:", "v1:")
    counted, real = [], retiring.count_references

    def count(services, **how):
        if counted:
            with rewritten.engine.begin() as connection:
                connection.execute(text("UPDATE usuarios SET _otp_secret = :token WHERE id = 1"), {"token": token})
        counted.append(1)
        return real(services, **how)

    monkeypatch.setattr(retiring, "count_references", count)
    said = rewritten.call(*REMOVE, "--logfile", "x.log")

    assert (said.code, "1 rows" in said.err) == (11, True)
    assert states(rewritten) == {"v1": "decrypt_only", "v2": "active"}
    assert "[CLEANUP-AUDIT] Rollback" in (rewritten.folder / "x.log").read_text()


def test_the_active_version_never_goes(rewritten):
    assert rewritten.call("secrets", "remove-versions", "--versions", "v2", "--yes").code == 11
    assert rewritten.call("secrets", "remove-versions", "--versions", "v7", "--yes").code == 10


def test_a_dry_run_removes_nothing(rewritten):
    before = (rewritten.folder / ".env.crypto").read_bytes()
    said = rewritten.call("secrets", "remove-versions", "--versions", "v1", "--dry-run", "--logfile", "")

    assert (said.code, said.out) == (0, "Versions to remove: v1\n[DRY-RUN] Nothing was changed\n")
    assert (rewritten.folder / ".env.crypto").read_bytes() == before


def test_without_a_key_for_the_copy_nothing_is_removed(rewritten, monkeypatch):
    monkeypatch.delenv("STRONGROOM_SECRETS_PASSPHRASE")
    monkeypatch.setattr("sys.stdin", io.StringIO())

    assert rewritten.call(*REMOVE).code == 2
    assert states(rewritten) == {"v1": "decrypt_only", "v2": "active"}


@pytest.mark.usefixtures("sealed")
def test_old_versions_are_cleaned_up_and_those_in_use_stay(shop):
    for _ in range(2):
        shop.call("secrets", "rotate", "--yes", "--no-wait")
    assert shop.call("secrets", "cleanup-keys", *COLUMN, "--dry-run", "--logfile", "").code == 11
    shown = shop.call("secrets", "cleanup-keys", *COLUMN, "--keep-versions", "2", "--yes", "--logfile", "limpeza.log")

    assert shown.code == 3
    assert "  - v1 stays: 150 rows of shop:usuarios._otp_secret are under it\n" in shown.out
    assert "[OK] Versions removed: v2\n" in shown.out
    assert states(shop) == {"v1": "decrypt_only", "v2": "destroyed", "v3": "decrypt_only", "v4": "active"}


def test_what_removals_did_is_on_record(rewritten):
    rewritten.call("secrets", "remove-versions", "--versions", "v1", "--dry-run")
    document = json.loads(rewritten.call(*REMOVE, "--json").out)
    said = rewritten.call("secrets", "cleanup-stats", "--operation-id", document["operation"], "--logfile", "")

    assert said.code == 0
    assert said.out.startswith("Operations: 1\n")
    assert said.out.endswith("Versions removed: 1\n")
    assert rewritten.call("secrets", "cleanup-stats").out.startswith("Operations: 2\n")
    assert rewritten.call("secrets", "cleanup-stats", "--operation-id", "cleanup_0").code == 10
    record = rewritten.folder / ".env.crypto.record"
    record.write_text(record.read_text().replace('"removed"', '"kept"'))
    assert rewritten.call("secrets", "cleanup-stats").code == 15


@pytest.mark.usefixtures("sealed")
def test_the_list_shows_who_needs_which_version(shop):
    shop.call("secrets", "reencrypt", *COLUMN, "--dry-run")
    add_backup(shop)
    with Session(shop.catalog) as session:
        ring = EnvCryptoFile(shop.folder / ".env.crypto").load()
        record_holding(session, HolderIdentity("web-1", "host", 1, NOW), ring)
        session.commit()
    said = shop.call("secrets", "list", "--count")
    document = json.loads(shop.call("secrets", "list", "--json").out)

    assert re.search(r"  - v1\n      150 rows of shop:usuarios\._otp_secret \(counted 20", said.out)
    assert "      1 live processes write under it\n" in said.out.partition("v2 [ACTIVE]")[2]
    assert "      1 kept backups may hold rows under it\n" in said.out
    assert "      written under until 20" in said.out
    usage = {version["name"]: version["usage"] for version in document["versions"]}
    assert [usage[name]["rows"][0]["count"] for name in ("v1", "v2")] == [150, 0]
    assert (usage["v2"]["writers"][0]["count"], usage["v2"]["indexes"]) == (1, [])


def test_the_list_says_when_the_period_of_the_active_key_has_ended(shop):
    path = shop.folder / ".env.crypto"
    kept = [line for line in path.read_text().splitlines() if "FILE_MAC" not in line]
    path.write_text(re.sub(r'(CHANGED__v2)="\d{4}', r'\1="2020', "\n".join(kept)))
    said = shop.call("secrets", "list")

    assert (said.code, "version v2 has been active for 90 days" in said.err) == (0, True)


@pytest.mark.usefixtures("sealed")
def test_where_no_column_is_registered_nothing_is_proven(shop):
    said = shop.call(*REMOVE)

    assert (said.code, "no encrypted column is registered" in said.err) == (11, True)
    assert shop.call("secrets", "disable-versions", "--versions", "v1", "--yes").code == 11
    assert states(shop) == {"v1": "decrypt_only", "v2": "active"}
