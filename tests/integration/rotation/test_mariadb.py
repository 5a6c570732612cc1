"""A table in MariaDB: the same guarantees, although its collations take different texts for the same."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.columns.place import Binding, TokenFormat
from strongroom.rotation.access import Census, Changes
from strongroom.rotation.opening import open_table
from strongroom.rotation.references import count_references
from strongroom.rotation.target import CurrentTokens
from tests.integration.rotation.site import Site
from tests.integration.rotation.tables import hidden, keys, ring


@pytest.fixture
def site(tmp_path: Path, sqlite_catalog_url: str, mariadb_url: str) -> Iterator[Site]:
    opened = Site(tmp_path, sqlite_catalog_url, mariadb_url)
    yield opened
    opened.close()


@pytest.mark.parametrize("kind", ["number", "pair"])
def test_a_table_is_brought_to_the_active_version(site, kind):
    application = site.found(60, kind, Binding.COLUMN)
    broken = keys(kind, 60)[5]
    application.put(broken, "plain")

    job = site.run(site.request(application))

    assert (job.state, job.rows_by_version) == ("finished", {"v2": 59, "?": 1})
    cipher = application.cipher(site.ring)
    tokens = application.tokens()
    assert tokens.pop(broken) == "plain"
    assert {key: cipher.decrypt(token, None) for key, token in tokens.items()} == {
        key: hidden(key) for key in keys(kind, 60) if key != broken
    }
    assert count_references(site.services).reasons_to_keep("v1") == []


def test_tokens_that_differ_in_case_only_are_told_apart(site):
    application = site.found()
    key = (1,)
    application.execute("INSERT INTO secret_number VALUES (1, '', 'V1:gAAAA')")
    access = open_table(site.engine, application.target)

    assert access.write(Changes([key], ["v1:gaaaa"], ["new"]), skip_locked=False) == 0
    assert access.write(Changes([key], ["v1:gaaaa"], ["new"]), skip_locked=True) == 0
    assert access.count_versions(CurrentTokens.of("v1", TokenFormat.FERNET)) == Census({"V1": 1}, 1)
    assert access.write(Changes([key], ["V1:gAAAA"], ["new"]), skip_locked=True) == 1


def test_locked_rows_are_passed_over(site):
    application = site.found(6)
    with site.engine.connect() as holder:
        holder.exec_driver_sql(f"UPDATE secret_number SET note = 'held' WHERE id = {keys('number', 6)[2][0]}")
        outcome = application.run_pass(ring("v2"))
        holder.rollback()

    assert (outcome.processed, outcome.changed) == (5, 1)
