"""Two key providers; the tests run once on PostgreSQL and once on SQLite."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.keysync.sites import Sites, open_sites


@pytest.fixture
def sites(tmp_path: Path, catalog_url: str, _sqlite_template: Path) -> Iterator[Sites]:
    """Provider A on the catalog under test, and B on a SQLite file of its own."""
    other = tmp_path / "other.db"
    shutil.copy(_sqlite_template, other)
    with open_sites(tmp_path, catalog_url, f"sqlite:///{other}") as opened:
        yield opened
