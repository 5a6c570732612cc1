"""What still uses a version is shown and keeps it: blind indexes, mapped columns, and the key slots of backups."""

import hashlib
import importlib
import json
from datetime import UTC, datetime

import pytest
from sqlalchemy.orm import Session

from strongroom.catalog.reencryption import EncryptedColumn
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columns import reindex, use_keyring
from strongroom.jobs.key_holders import HolderIdentity, forget_holder, record_holding
from strongroom.storage.local import LocalStore
from tests.integration.cli.shop import COLUMN
from tests.integration.cli.test_retiring_keys import states

CUSTOMERS = """
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from strongroom.columns import BlindIndex, EncryptedString

class Base(DeclarativeBase):
    pass

class Customer(Base):
    __tablename__ = "customers"
    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(EncryptedString(max_bytes=100))
    email_index: Mapped[str] = mapped_column(BlindIndex("email", fold=True))
"""
EMAIL = ("--model", "app_of_a_test.clientes:Customer", "--column", "email")


@pytest.fixture
def customers(shop, monkeypatch):
    """Rows written and indexed under v2, in a ring whose active version is v3."""
    monkeypatch.setenv("STRONGROOM_SECRETS_PASSPHRASE", "correct horse battery")
    (shop.folder / "app_of_a_test" / "clientes.py").write_text(CUSTOMERS, encoding="utf-8")
    importlib.invalidate_caches()
    models = importlib.import_module("app_of_a_test.clientes")
    models.Base.metadata.create_all(shop.engine)
    use_keyring(EnvCryptoFile(shop.folder / ".env.crypto"))
    with Session(shop.engine) as session:
        session.add_all(models.Customer(email=f"{n}@example.org") for n in range(5))
        session.commit()
    assert shop.call("secrets", "rotate", "--yes", "--no-wait").code == 0
    return models


def test_a_blind_index_keeps_its_version_until_it_is_made_anew(shop, customers):
    assert shop.call("secrets", "reencrypt", *COLUMN).code == 0
    assert shop.call("secrets", "reencrypt", *EMAIL).code == 0
    refused = shop.call("secrets", "remove-versions", "--versions", "v1,v2", "--yes")
    cleaned = shop.call("secrets", "cleanup-keys", *EMAIL, "--keep-versions", "1", "--dry-run")
    listed = shop.call("secrets", "list")

    assert refused.code == 11
    assert "v2: 5 rows of shop:customers.email_index are indexed under it" in refused.err
    assert "  - v2 stays: 5 rows of shop:customers.email_index are indexed under it" in cleaned.out
    assert "Versions to remove: v1\n" in cleaned.out
    assert "      5 rows of shop:customers.email_index are indexed under it (counted 20" in listed.out
    use_keyring(EnvCryptoFile(shop.folder / ".env.crypto"))
    with shop.engine.connect() as connection:
        assert reindex(connection, customers.Customer.__table__.c.email_index) == 5
    assert shop.call("secrets", "remove-versions", "--versions", "v1,v2", "--yes").code == 0
    assert states(shop) == {"v1": "destroyed", "v2": "destroyed", "v3": "active"}


@pytest.mark.usefixtures("customers")
def test_a_blind_index_is_not_re_encrypted(shop):
    said = shop.call("secrets", "reencrypt", "--model", EMAIL[1], "--column", "email_index")

    assert (said.code, "Column 'email_index' is a blind index" in said.err) == (2, True)


@pytest.mark.usefixtures("backed_up")
def test_key_slots_are_counted_by_region_and_key(installed):
    assert installed("secrets", "generate", "--yes")[0] == 0
    before = installed("secrets", "list")[1]
    said = installed("secrets", "list", "--count")
    document = json.loads(installed("secrets", "list", "--json")[1])["key_slots"]

    regions = [region["region"] for region in document]
    assert [f"  - {region}: not counted yet (list --count)\n" in before for region in regions] == [True] * len(regions)
    for region in document:
        found = {key["region"]: (key["version"], key["slots"]) for key in region["keys"]}
        # The repository's own and the backup's, in every region for every region's key.
        assert [found[name] for name in regions] == [("v1", 2)] * len(regions)
        assert f"  - {region['region']} (counted 20" in said[1]
    assert f"      {regions[0]} v1: 2 slots, newest backup of 20" in said[1]


def test_a_region_that_does_not_answer_is_said_and_its_last_count_stays(shop):
    region = LocalStore("home", shop.folder / "region")
    region.prepare()
    region.put("keys/repo/home.v1", b"slot", sha256=hashlib.sha256(b"slot").digest())
    region.put("keys/strange", b"", sha256=hashlib.sha256(b"").digest())
    assert shop.call("secrets", "list", "--count").code == 0
    (shop.folder / "region").rename(shop.folder / "moved")
    said = shop.call("secrets", "list", "--count")

    assert "the key slots of region home were not counted: " in said.err
    assert "      home v1: 1 slots\n" in said.out


@pytest.mark.usefixtures("customers")
def test_a_mapped_column_that_was_never_re_encrypted_keeps_its_version(shop):
    assert shop.call("secrets", "reencrypt", *COLUMN).code == 0
    with (shop.folder / "strongroom.toml").open("a") as file:
        file.write('models = ["app_of_a_test.clientes:Base"]\n')
    refused = shop.call("secrets", "disable-versions", "--versions", "v2", "--yes")

    assert refused.code == 11
    assert "v2: 5 rows of shop:customers.email are under it" in refused.err
    assert "5 rows of shop:customers.email_index are indexed under it" in refused.err


def test_models_that_cannot_be_imported_keep_every_version(shop):
    assert shop.call("secrets", "reencrypt", *COLUMN).code == 0
    with (shop.folder / "strongroom.toml").open("a") as file:
        file.write('models = ["app_of_a_test.gone:Base"]\n')
    refused = shop.call("secrets", "disable-versions", "--versions", "v1", "--yes")
    listed = shop.call("secrets", "list", "--count")

    assert refused.code == 11
    assert "the models of shop could not be searched for encrypted columns" in refused.err
    assert (listed.code, "the models of shop could not be searched" in listed.err) == (0, True)


@pytest.mark.usefixtures("customers")
def test_a_copy_without_the_keys_of_live_processes_is_not_restored(shop):
    path = shop.folder / ".env.crypto"
    assert shop.call("secrets", "backup-config").code == 0
    (copy,) = shop.folder.glob(".env.crypto.backup_*")
    assert shop.call("secrets", "rotate", "--yes", "--no-wait").code == 0
    with Session(shop.catalog) as session:
        record_holding(session, HolderIdentity("web-1", "host", 1, datetime.now(UTC)), EnvCryptoFile(path).load())
        session.commit()
    whole = path.read_bytes()
    path.write_bytes(b"damaged")
    refused = shop.call("secrets", "restore-config", "--backup-file", copy.name, "--yes")
    assert (refused.code, "web-1 has v4, which is not there" in refused.err) == (11, True)
    assert path.read_bytes() == b"damaged"

    path.write_bytes(whole)
    assert shop.call("secrets", "restore-config", "--backup-file", copy.name, "--yes").code == 0
    path.unlink()
    with Session(shop.catalog) as session:
        forget_holder(session, "web-1")
        session.commit()
    assert shop.call("secrets", "restore-config", "--backup-file", copy.name, "--yes").code == 0


def test_the_list_says_when_a_key_has_encrypted_very_many_rows(shop):
    assert shop.call("secrets", "reencrypt", *COLUMN, "--dry-run").code == 0
    with Session(shop.catalog) as session:
        session.query(EncryptedColumn).update({"rows_by_version": {"v2": 2**31}})
        session.commit()
    said = shop.call("secrets", "list")

    assert "version v2 has encrypted very many rows of shop:usuarios._otp_secret: rotate it." in said.err
    assert json.loads(shop.call("secrets", "list", "--json").out)["due"] is True


def test_the_list_speaks_portuguese(shop, monkeypatch):
    monkeypatch.setenv("LANG", "pt_BR.UTF-8")
    shop.call("secrets", "reencrypt", *COLUMN, "--dry-run")
    said = shop.call("secrets", "list").out

    assert "Slots de chave dos backups, por região e pela chave que os abre:\n  - home: ainda não contados" in said
    assert "      usada para gravar agora\n" in said
    assert "      registros de shop:usuarios.token: ainda não contados (list --count)\n" in said
