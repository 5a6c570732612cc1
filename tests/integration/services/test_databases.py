import psycopg
import pytest
from sqlalchemy import inspect, select

from strongroom.catalog.backups import Backup
from strongroom.catalog.schema import verify_schema
from strongroom.catalog.session import Catalog
from strongroom.testing.postgres import ScratchPostgres


def test_a_new_database_is_empty(database: str) -> None:
    with psycopg.connect(database) as connection:
        tables = "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'"
        assert connection.execute(tables).fetchone() == (0,)


def test_a_database_is_dropped_although_somebody_is_connected(postgres_server: ScratchPostgres) -> None:
    postgres_server.create_database("busy")
    with postgres_server.connect("busy") as connection:
        postgres_server.drop_database("busy")
        with pytest.raises(psycopg.OperationalError):
            connection.execute("SELECT 1")


def test_the_server_asks_for_the_password(postgres_server: ScratchPostgres) -> None:
    assert postgres_server.password in postgres_server.url()
    with postgres_server.connect() as connection:
        assert connection.execute("SHOW password_encryption").fetchone() == ("scram-sha-256",)


def test_a_catalog_has_the_newest_tables_and_no_rows(catalog: Catalog) -> None:
    verify_schema(catalog.engine)
    assert "backup" in inspect(catalog.engine).get_table_names()
    with catalog.read() as session:
        assert session.scalars(select(Backup)).all() == []
