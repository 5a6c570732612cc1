"""The tables come from the migrations, are the ones the models describe, and are made once."""

import multiprocessing

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, inspect, text
from sqlalchemy.exc import IntegrityError

from strongroom.catalog.base import Base
from strongroom.catalog.errors import SchemaOutdatedError, SchemaTooNewError
from strongroom.catalog.schema import upgrade, verify_schema
from tests.integration.catalog import rival

spawn = multiprocessing.get_context("spawn")

INDEXES = {
    "postgresql": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL",
}


def tables(engine: Engine) -> set[str]:
    return set(inspect(engine).get_table_names())


def test_an_empty_database_gets_every_table(empty_engine: Engine):
    upgrade(empty_engine)

    assert tables(empty_engine) == {*Base.metadata.tables, "alembic_version"}
    verify_schema(empty_engine)


def test_the_migrations_make_what_the_models_describe(empty_engine: Engine):
    upgrade(empty_engine)

    with empty_engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, Base.metadata) == []


def conditions(engine: Engine) -> dict[str, str]:
    """Return the condition of every index that has one."""
    with engine.connect() as connection:
        rows = connection.execute(text(INDEXES[engine.dialect.name])).all()
    return {name: statement.partition(" WHERE ")[2].strip() for name, statement in rows if " WHERE " in statement}


def test_the_models_make_indexes_with_the_conditions_of_the_migrations(empty_engine: Engine):
    upgrade(empty_engine)
    migrated = conditions(empty_engine)
    Base.metadata.drop_all(empty_engine)
    assert conditions(empty_engine) == {}

    Base.metadata.create_all(empty_engine)

    assert "uq_job_exclusion" in migrated
    assert conditions(empty_engine) == migrated


def test_upgrading_again_keeps_what_is_there(empty_engine: Engine):
    upgrade(empty_engine)
    with empty_engine.begin() as connection:
        connection.execute(
            text("INSERT INTO heartbeat VALUES ('w', 'worker', 'h', 1, '2026-01-01', '2026-01-01', NULL)")
        )

    upgrade(empty_engine)

    with empty_engine.connect() as connection:
        assert connection.scalar(text("SELECT count(*) FROM heartbeat")) == 1


def test_processes_that_upgrade_at_once_make_the_tables_once(empty_url: str, empty_engine: Engine):
    start = spawn.Barrier(3)
    children = [spawn.Process(target=rival.upgrade_now, args=(start, empty_url)) for _ in range(3)]
    for child in children:
        child.start()
    for child in children:
        child.join()

    assert [child.exitcode for child in children] == [0, 0, 0]
    verify_schema(empty_engine)


def test_a_failed_upgrade_leaves_nothing_behind(empty_engine: Engine):
    with empty_engine.begin() as connection:
        connection.execute(text("CREATE TABLE verification (unrelated INTEGER)"))

    with pytest.raises(Exception, match="already exists"):
        upgrade(empty_engine)

    assert tables(empty_engine) == {"verification"}


def test_a_database_without_tables_is_outdated(empty_engine: Engine):
    with pytest.raises(SchemaOutdatedError):
        verify_schema(empty_engine)


def test_tables_of_a_newer_version_are_left_alone(empty_engine: Engine):
    upgrade(empty_engine)
    with empty_engine.begin() as connection:
        connection.execute(text("UPDATE alembic_version SET version_num = '9999'"))

    with pytest.raises(SchemaTooNewError):
        verify_schema(empty_engine)
    with pytest.raises(SchemaTooNewError):
        upgrade(empty_engine)


LEASES = [("running", "NULL"), ("queued", "'2026-01-01'")]


@pytest.mark.parametrize(("state", "lease_until"), LEASES, ids=["running without lease", "lease without running"])
def test_the_database_itself_ties_running_to_a_lease(empty_engine: Engine, state: str, lease_until: str):
    upgrade(empty_engine)
    row = {"id": f"'{'0' * 32}'", "kind": "'backup.run'", "args": "'{}'", "queue": "'backup'", "priority": "1"}
    row |= {"request_digest": "''", "attempt": "0", "errors": "0", "max_errors": "5", "crashes": "0", "fence": "0"}
    row |= {"cancel_requested": "'0'", "run_after": "'2026-01-01'", "publish_after": "'2026-01-01'"}
    row |= {"publish_count": "0", "trace_id": "''", "created_at": "'2026-01-01'"}
    row |= {"state": f"'{state}'", "lease_until": lease_until}
    statement = text(f"INSERT INTO job ({', '.join(row)}) VALUES ({', '.join(row.values())})")

    with pytest.raises(IntegrityError, match="running_has_lease"), empty_engine.begin() as connection:
        connection.execute(statement)
