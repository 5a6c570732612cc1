"""Databases of an imaginary application."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr
from sqlalchemy import Engine

from strongroom.rotation.connecting import open_database
from strongroom.settings import DatabaseSettings
from tests.integration.rotation.site import Site


@pytest.fixture(params=["sqlite", "postgres"])
def application_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of an empty database; the test runs once on SQLite and once on PostgreSQL."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    url: str = request.getfixturevalue("database")
    return url


@pytest.fixture
def engine(application_url: str) -> Iterator[Engine]:
    """An engine for it, as campaigns open it."""
    opened = open_database(DatabaseSettings(name="shop", url=SecretStr(application_url)))
    yield opened
    opened.dispose()


@pytest.fixture
def postgres_engine(database: str) -> Iterator[Engine]:
    """An engine for an empty PostgreSQL database."""
    opened = open_database(DatabaseSettings(name="shop", url=SecretStr(database)))
    yield opened
    opened.dispose()


@pytest.fixture
def site(tmp_path: Path, sqlite_catalog_url: str, application_url: str) -> Iterator[Site]:
    """An installation whose application is once on SQLite and once on PostgreSQL."""
    opened = Site(tmp_path, sqlite_catalog_url, application_url)
    yield opened
    opened.close()


@pytest.fixture
def postgres_site(tmp_path: Path, postgres_catalog_url: str, database: str) -> Iterator[Site]:
    """An installation and an application on PostgreSQL."""
    opened = Site(tmp_path, postgres_catalog_url, database)
    yield opened
    opened.close()
