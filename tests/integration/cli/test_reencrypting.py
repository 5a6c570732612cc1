"""Re-encryption as an operator does it: the commands of the requirement, as they are written there."""

import io
import json
import sys

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from strongroom.catalog.reencryption import EncryptedColumn, ReencryptionJob
from tests.integration.cli.shop import COLUMN, ROWS


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


def test_neither_a_dry_run_nor_one_from_before_the_last_is_resumed_in_its_place(shop):
    shop.call("secrets", "reencrypt", *COLUMN, "--no-wait")
    assert shop.call("jobs", "cancel", "1").code == 0
    shop.call("secrets", "reencrypt", *COLUMN, "--no-wait", "--dry-run")

    assert shop.call("secrets", "reencrypt", "--resume", "--job-id", "1", "--dry-run").code == 2
    assert "Job ID: 2" in shop.call("secrets", "reencrypt", *COLUMN, "--resume", "--dry-run").out
    assert {token[:3] for token in shop.tokens()} == {"v1:"}
    assert shop.call("secrets", "reencrypt", *COLUMN).code == 0
    assert shop.call("secrets", "reencrypt", *COLUMN, "--resume").code == 10


def test_every_mapped_column_is_registered(shop):
    said = shop.call("secrets", "register", "--model", "app_of_a_test.autenticacao:Base", "--json")

    assert said.code == 0
    found = {one["column"]: one for one in json.loads(said.out)["columns"]}
    assert found.keys() == {"_otp_secret", "token"}
    assert (found["token"]["known_as"], found["token"]["keys"]) == ("old.token", ["id"])


def test_columns_that_are_mapped_beside_it_are_registered_too(shop):
    shop.call("secrets", "reencrypt", *COLUMN)
    with Session(shop.catalog) as session:
        assert list(session.scalars(select(EncryptedColumn.place).order_by(EncryptedColumn.place))) == [
            "shop:usuarios._otp_secret",
            "shop:usuarios.token",
        ]


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
