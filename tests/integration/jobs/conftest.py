"""A ledger on each of the two databases."""

from collections.abc import Iterator

import pytest

from strongroom.jobs.ledger import Ledger
from tests.integration.jobs.staging import open_ledger


@pytest.fixture
def ledger(catalog_url: str) -> Iterator[Ledger]:
    """A ledger without jobs; the test runs once on SQLite and once on PostgreSQL."""
    opened = open_ledger(catalog_url)
    yield opened
    opened.catalog.close()
