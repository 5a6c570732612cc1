"""One PostgreSQL server per xdist worker and an empty database per test."""

import secrets
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from strongroom.sources.errors import ScratchServerMissingError
from strongroom.testing.postgres import ScratchPostgres
from tests.services.requirement import service_is_missing


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[ScratchPostgres]:
    """A server for tests that make and drop their own databases; never stop it, start another for that."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(ScratchPostgres())
        except ScratchServerMissingError as missing:
            service_is_missing(str(missing))
        yield server


@pytest.fixture
def database(postgres_server: ScratchPostgres) -> Iterator[str]:
    """The URL of a new empty database, `postgresql://user:password@host:port/name`; dropped after the test."""
    name = f"test_{secrets.token_hex(8)}"
    postgres_server.create_database(name)
    yield postgres_server.url(name)
    postgres_server.drop_database(name)
