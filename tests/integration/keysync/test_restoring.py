"""A backup of the catalog holds no key that could be given, and what a restore brings back begins anew."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import func, make_url, select

from strongroom.catalog.skip_keys import SealingKey, SkipKey, UnspentKey
from strongroom.catalog.skip_peers import SkipBoot, SkipEpoch, SkipPeer
from strongroom.keysync.giving_errors import UnknownKeyError
from strongroom.keysync.provider import Provider
from strongroom.keysync.refilling import fill
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.keysync.sites import Sites, open_site
from tests.integration.sources.dumps import dump, new_database, settings_for


@pytest.fixture
def catalog_url(postgres_catalog_url: str) -> str:
    """Only PostgreSQL leaves rows out; a file is backed up as it is."""
    return postgres_catalog_url


@pytest.fixture
def restored(sites: Sites, catalog_url: str, postgres_server: ScratchPostgres, tmp_path: Path) -> Iterator[Provider]:
    """Provider A on what a backup of its catalog brought back, made while it had keys of both kinds."""
    fill(sites.a, "B")
    fill(sites.b, "A")
    settings = settings_for(postgres_server, str(make_url(catalog_url).database))
    dumped = dump(settings, tmp_path)
    with new_database(postgres_server) as target:
        assert dumped.restore_to(settings, target, tmp_path) == []
        provider = open_site(tmp_path / "A", postgres_server.url(target), sites.line, "A", "B")
        yield provider
        provider.catalog.close()


def test_nothing_that_was_a_key_is_in_a_restored_catalog(sites: Sites, restored: Provider) -> None:
    with restored.catalog.read() as session:
        rows = {
            table.__tablename__: session.scalar(select(func.count()).select_from(table))
            for table in (SkipKey, UnspentKey, SealingKey, SkipEpoch, SkipPeer, SkipBoot)
        }
    assert set(rows.values()) == {0}
    given = sites.b.delivery.take("A")
    with pytest.raises(UnknownKeyError):
        restored.delivery.fetch(given.key_id, "B")


def test_a_restored_provider_is_a_new_one_to_its_peer_and_goes_on_with_its_secrets(
    sites: Sites, restored: Provider
) -> None:
    before = sites.a.store.boot()
    sites.line.ends["A"] = restored

    assert restored.store.boot() != before
    assert [psk.psk_id for psk in restored.store.psks("B")] == ["p1"]
    assert fill(restored, "B") == 20
    given = restored.delivery.take("B")
    assert sites.b.delivery.fetch(given.key_id, "A") == given.key
    old = sites.line.pushed[0].key_id
    with pytest.raises(UnknownKeyError):
        sites.b.delivery.fetch(old, "A")
