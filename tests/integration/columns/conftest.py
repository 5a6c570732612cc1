"""An application's database on SQLite and on PostgreSQL, and a ring in use."""

from collections.abc import Iterator

import pytest
from sqlalchemy import Engine, create_engine

from strongroom.columnkeys.ring import KeyRing, KeyState
from strongroom.columns import use_keyring
from strongroom.columns.in_use import PROCESS
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.columns.shop import Base
from tests.unit.columns.rings import ring


class Keys:
    """A source whose ring a test changes."""

    def __init__(self) -> None:
        self.ring = ring("v1")

    def load(self) -> KeyRing:
        return self.ring

    def rotate(self) -> None:
        self.ring = ring("v2", v1=KeyState.DECRYPT_ONLY)


@pytest.fixture
def keys() -> Iterator[Keys]:
    """The ring in use; it is looked at before every statement."""
    source = Keys()
    use_keyring(source, app="shop", reload_seconds=0)
    yield source
    PROCESS.hold(None)


@pytest.fixture(scope="module")
def shop_database(postgres_server: ScratchPostgres) -> Iterator[str]:
    """One database for the tests of a module; each makes its tables anew."""
    postgres_server.create_database("shop")
    yield postgres_server.url("shop")
    postgres_server.drop_database("shop")


@pytest.fixture(params=["sqlite", "postgres"])
def url(request: pytest.FixtureRequest, tmp_path) -> str:
    """Where the application keeps its rows."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'shop.db'}"
    return request.getfixturevalue("shop_database").replace("postgresql:", "postgresql+psycopg:")


@pytest.fixture
def engine(url: str, keys: Keys) -> Iterator[Engine]:
    """The application's database, empty."""
    made = create_engine(url)
    Base.metadata.drop_all(made)
    Base.metadata.create_all(made)
    yield made
    made.dispose()
