"""The catalog on both of its databases, with its tables in place."""

import secrets
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from strongroom.catalog.engine import open_engine
from strongroom.catalog.schema import upgrade
from strongroom.catalog.session import Catalog
from strongroom.testing.postgres import ScratchPostgres

TEMPLATE = "catalog_template"


@pytest.fixture(scope="session")
def _sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("catalog") / "template.db"
    engine = open_engine(f"sqlite:///{path}")
    upgrade(engine)
    engine.dispose()
    return path


@pytest.fixture
def sqlite_catalog_url(_sqlite_template: Path, tmp_path: Path) -> str:
    """The URL of a new SQLite catalog with the newest tables and no rows."""
    path = tmp_path / "catalog.db"
    shutil.copy(_sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture(scope="session")
def _postgres_template(postgres_server: ScratchPostgres) -> str:
    postgres_server.create_database(TEMPLATE)
    engine = open_engine(postgres_server.url(TEMPLATE))
    upgrade(engine)
    engine.dispose()
    return TEMPLATE


@pytest.fixture
def postgres_catalog_url(postgres_server: ScratchPostgres, _postgres_template: str) -> Iterator[str]:
    """The URL of a new PostgreSQL catalog with the newest tables and no rows."""
    name = f"catalog_{secrets.token_hex(8)}"
    with postgres_server.connect() as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE {_postgres_template}".encode())
    yield postgres_server.url(name)
    postgres_server.drop_database(name)


@pytest.fixture(params=["sqlite", "postgres"])
def catalog_url(request: pytest.FixtureRequest) -> str:
    """The URL of a new catalog; the test runs once on SQLite and once on PostgreSQL."""
    url: str = request.getfixturevalue(f"{request.param}_catalog_url")
    return url


@pytest.fixture
def catalog(catalog_url: str) -> Iterator[Catalog]:
    """A new catalog; the test runs once on SQLite and once on PostgreSQL."""
    opened = Catalog(open_engine(catalog_url))
    yield opened
    opened.close()
