"""A re-encryption by real workers: each range is a message, and the search at the end another."""

import pytest
from pydantic import SecretStr

from strongroom.clock import SystemClock, system_random
from strongroom.columnkeys.changes import new_version
from strongroom.columnkeys.env_file import EnvCryptoFile
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion
from strongroom.jobs.outbox import publish_due
from strongroom.rotation import campaigns
from strongroom.rotation.campaigns import ReencryptionRequest, get_reencryption, request_reencryption
from strongroom.rotation.connecting import open_database
from strongroom.rotation.pace import Pace
from strongroom.settings import DatabaseSettings
from tests.integration.rotation.tables import Application, hidden, keys
from tests.integration.worker.conftest import TRACE_ID, eventually, made_site

ROWS = 300
DATABASE = '[databases.shop]\nurl_env = "SHOP_URL"\napp = "shop"\n'


def two_rings() -> tuple[KeyRing, KeyRing]:
    """Return a ring before and after a rotation."""
    now = SystemClock().now()
    old = new_version("v1", KeyState.ACTIVE, now, system_random)
    new = new_version("v2", KeyState.ACTIVE, now, system_random)
    reading = KeyVersion("v1", KeyState.DECRYPT_ONLY, old.key, old.salt, now)
    return KeyRing({"v1": old}, "v1"), KeyRing({"v1": reading, "v2": new}, "v2")


@pytest.fixture
def site(tmp_path, sqlite_catalog_url, valkey, database):
    with made_site(tmp_path, sqlite_catalog_url, valkey, more=DATABASE, variables={"SHOP_URL": database}) as made:
        yield made


def test_workers_bring_a_column_to_the_active_version(site, start_worker, database, monkeypatch):
    monkeypatch.setattr(campaigns, "ROWS_A_RANGE", 100)
    before, after = two_rings()
    EnvCryptoFile(site.runtime.settings.column_keys.file).create(after, ())
    engine = open_database(DatabaseSettings(name="shop", url=SecretStr(database)))
    application = Application.make(engine)
    application.fill(keys("number", ROWS), application.cipher(before))
    services = site.runtime.services()
    number = request_reencryption(services, ReencryptionRequest(application.target, Pace(), TRACE_ID)).id
    start_worker("recovery")

    def is_finished() -> bool:
        publish_due(site.runtime.ledger, site.publisher())
        with services.catalog.begin() as session:
            return get_reencryption(session, number).state == "finished"

    eventually(is_finished)

    cipher = application.cipher(after)
    tokens = application.tokens()
    engine.dispose()
    assert {cipher.version_of(token) for token in tokens.values()} == {"v2"}
    assert {key: cipher.decrypt(token, None) for key, token in tokens.items()} == {
        key: hidden(key) for key in keys("number", ROWS)
    }
