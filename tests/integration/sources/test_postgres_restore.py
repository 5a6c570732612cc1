"""A restored database is the database that was dumped; a failed restore leaves nothing of itself."""

import dataclasses
import subprocess
import threading
from pathlib import Path

import psycopg
import pytest

from strongroom.sources.errors import (
    PgDumpTooOldError,
    RestoreFailedError,
    ServerUnreachableError,
    TargetConflictError,
    TargetNotEmptyError,
    TargetNotWritableError,
    UnreadableDumpError,
)
from strongroom.sources.postgres.holding import describe_holding, held_databases
from strongroom.sources.postgres.side_database import SideDatabase
from strongroom.sources.postgres.target import PostgresTarget, RestoreOptions
from strongroom.testing.postgres import ScratchPostgres
from strongroom.tree.content import ProblemKind
from tests.integration.sources.comparing import contents
from tests.integration.sources.dumps import databases, dump, new_database, settings_for, tools_of

EVERYTHING = Path(__file__).with_name("everything.sql").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def shop(postgres_server):
    with new_database(postgres_server, EVERYTHING) as name:
        yield name


@pytest.fixture(scope="module")
def shop_dump(postgres_server, shop, tmp_path_factory):
    return dump(settings_for(postgres_server, shop), tmp_path_factory.mktemp("scratch"))


@pytest.fixture
def settings(postgres_server, shop):
    return settings_for(postgres_server, shop)


@pytest.fixture
def target(postgres_server):
    """The name of a database that does not exist yet."""
    with new_database(postgres_server) as name:
        postgres_server.drop_database(name)
        yield name


def no_leftovers(server):
    return {name for name in databases(server) if name.startswith("strongroom_")} == set()


def test_everything_is_as_it_was(postgres_server, shop, shop_dump, settings, target, tmp_path):
    assert shop_dump.restore_to(settings, target, tmp_path) == []

    assert contents(postgres_server, target) == contents(postgres_server, shop)
    assert no_leftovers(postgres_server)


def test_the_comparison_sees_every_part_of_the_sample(postgres_server, shop):
    found = contents(postgres_server, shop)

    assert [what for what, rows in found.items() if not rows and "nothing" not in what and "Odd" not in what] == []
    assert len(found["rows of sales.customer"]) == 5002


def test_a_restored_database_goes_on_counting_where_it_stopped(postgres_server, shop_dump, settings, target, tmp_path):
    shop_dump.restore_to(settings, target, tmp_path)

    with postgres_server.connect(target) as connection:
        row = connection.execute("INSERT INTO sales.customer (name) VALUES ('new') RETURNING id").fetchone()

    assert row == (5003,)


def test_an_empty_database_keeps_its_owner_and_settings(postgres_server, shop, shop_dump, settings, tmp_path):
    with new_database(postgres_server) as empty:
        with postgres_server.connect() as connection:
            connection.execute(f"ALTER DATABASE {empty} SET work_mem = '7MB'")
        shop_dump.restore_to(settings, empty, tmp_path)

        with postgres_server.connect(empty) as connection:
            assert connection.execute("SHOW work_mem").fetchone() == ("7MB",)
        assert contents(postgres_server, empty) == contents(postgres_server, shop)


def test_a_database_that_holds_something_is_refused_and_left_alone(postgres_server, shop_dump, settings, tmp_path):
    with new_database(postgres_server, "CREATE TABLE mine AS SELECT 1 AS a") as filled:
        before = contents(postgres_server, filled)
        with pytest.raises(TargetNotEmptyError, match="is not empty"):
            shop_dump.restore_to(settings, filled, tmp_path)

        assert contents(postgres_server, filled) == before


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE SCHEMA s",
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
        "CREATE TYPE t AS ENUM ('a')",
        "SELECT lo_create(0)",
        "CREATE SEQUENCE s",
    ],
)
def test_a_database_without_tables_may_still_hold_something(postgres_server, settings, shop_dump, tmp_path, statement):
    with new_database(postgres_server, statement) as filled, pytest.raises(TargetNotEmptyError):
        PostgresTarget(settings, filled, tmp_path, RestoreOptions()).prepare(shop_dump.stored())


def test_overwriting_replaces_the_whole_database_even_while_it_is_used(
    postgres_server, shop, shop_dump, settings, tmp_path
):
    with new_database(postgres_server, "CREATE TABLE old (a int)") as filled:
        with postgres_server.connect(filled) as user:
            shop_dump.restore_to(settings, filled, tmp_path, overwrite=True)
            with pytest.raises(psycopg.OperationalError):
                user.execute("SELECT 1")

        assert contents(postgres_server, filled) == contents(postgres_server, shop)
    assert no_leftovers(postgres_server)


def cut(shop_dump):
    return type(shop_dump)(shop_dump.pieces[: len(shop_dump.pieces) // 2], shop_dump.facts)


def test_a_dump_that_is_cut_short_leaves_no_database(postgres_server, shop_dump, settings, target, tmp_path):
    with pytest.raises(RestoreFailedError, match="end of file"):
        cut(shop_dump).restore_to(settings, target, tmp_path)

    assert target not in databases(postgres_server)
    assert no_leftovers(postgres_server)


def test_a_failed_overwrite_leaves_the_old_database(postgres_server, shop_dump, settings, tmp_path):
    with new_database(postgres_server, "CREATE TABLE old AS SELECT 1 AS a") as filled:
        before = contents(postgres_server, filled)
        with pytest.raises(RestoreFailedError):
            cut(shop_dump).restore_to(settings, filled, tmp_path, overwrite=True)

        assert contents(postgres_server, filled) == before
    assert no_leftovers(postgres_server)


def test_a_failed_restore_leaves_an_empty_database_empty(postgres_server, shop_dump, settings, tmp_path):
    with new_database(postgres_server) as empty:
        with pytest.raises(RestoreFailedError):
            cut(shop_dump).restore_to(settings, empty, tmp_path)

        PostgresTarget(settings, empty, tmp_path, RestoreOptions()).prepare(shop_dump.stored())


class BrokenStreamError(Exception):
    """What a reader raises at bytes that are not what was written."""


@pytest.mark.parametrize("good_pieces", [0, 1, -1])
def test_a_stream_that_breaks_leaves_nothing_even_at_its_very_end(
    postgres_server, shop_dump, settings, target, tmp_path, good_pieces
):
    def breaking():
        yield from map(memoryview, shop_dump.pieces[: good_pieces % (len(shop_dump.pieces) + 1)])
        raise BrokenStreamError

    with pytest.raises(BrokenStreamError):
        PostgresTarget(settings, target, tmp_path, RestoreOptions()).restore(shop_dump.stored(breaking))
    with new_database(postgres_server) as empty:
        with pytest.raises(BrokenStreamError):
            PostgresTarget(settings, empty, tmp_path, RestoreOptions()).restore(shop_dump.stored(breaking))
        PostgresTarget(settings, empty, tmp_path, RestoreOptions()).prepare(shop_dump.stored())

    assert target not in databases(postgres_server)
    assert no_leftovers(postgres_server)


def test_a_killed_restore_is_cleaned_up_by_the_next(postgres_server, shop, shop_dump, settings, target, tmp_path):
    SideDatabase(settings, target).create(held_databases(shop_dump.facts)[0].as_fact())

    shop_dump.restore_to(settings, target, tmp_path)

    assert contents(postgres_server, target) == contents(postgres_server, shop)
    assert no_leftovers(postgres_server)


def test_two_restores_to_one_name_do_not_mix(postgres_server, shop_dump, settings, target, tmp_path):
    begun, may_end = threading.Event(), threading.Event()

    def slow():
        yield memoryview(shop_dump.pieces[0])
        begun.set()
        may_end.wait(60)
        yield from map(memoryview, shop_dump.pieces[1:])

    first = PostgresTarget(settings, target, tmp_path / "first", RestoreOptions())
    thread = threading.Thread(target=first.restore, args=(shop_dump.stored(slow),))
    thread.start()
    try:
        begun.wait(60)
        with pytest.raises(TargetConflictError, match="Another restore into the database"):
            shop_dump.restore_to(settings, target, tmp_path / "second")
    finally:
        may_end.set()
        thread.join()

    assert target in databases(postgres_server)


def test_a_locale_that_the_server_lacks_is_reported(postgres_server, shop_dump, settings, target, tmp_path):
    held = dataclasses.replace(held_databases(shop_dump.facts)[0], collate="xx_XX.utf8", ctype="xx_XX.utf8")
    facts = shop_dump.facts | describe_holding([held])

    problems = type(shop_dump)(shop_dump.pieces, facts).restore_to(settings, target, tmp_path)

    assert [(problem.kind, "xx_XX.utf8" in problem.reason) for problem in problems] == [(ProblemKind.METADATA, True)]


def test_the_encoding_of_the_backup_is_kept(postgres_server, tmp_path, target):
    with postgres_server.connect() as connection:
        connection.execute(f"CREATE DATABASE {target} TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    with postgres_server.connect(target) as connection:
        connection.execute("CREATE TABLE t AS SELECT 'caf' || chr(233) AS word")
    settings = settings_for(postgres_server, target)
    latin = dump(settings, tmp_path)

    latin.restore_to(settings, target, tmp_path, overwrite=True)

    with postgres_server.connect(target) as connection:
        assert connection.execute("SHOW server_encoding").fetchone() == ("LATIN1",)
        assert connection.execute("SELECT word FROM t").fetchone() == ("caf\N{LATIN SMALL LETTER E WITH ACUTE}",)


def test_owners_and_privileges_of_missing_roles_do_not_stop_a_restore(postgres_server, settings, tmp_path, target):
    role = f"role_{target}"
    with new_database(
        postgres_server, f"CREATE ROLE {role}; CREATE TABLE t (a int); ALTER TABLE t OWNER TO {role}"
    ) as name:
        with postgres_server.connect(name) as connection:
            connection.execute(f"GRANT SELECT ON t TO {role}")
        owned = dump(settings_for(postgres_server, name), tmp_path)
    with postgres_server.connect() as connection:
        connection.execute(f"DROP ROLE {role}")

    assert owned.restore_to(settings, target, tmp_path) == []

    with postgres_server.connect(target) as connection:
        assert connection.execute("SELECT tableowner FROM pg_tables WHERE tablename = 't'").fetchone() == ("postgres",)


def test_a_role_without_the_right_to_make_databases_is_told_so(postgres_server, shop_dump, target, shop, tmp_path):
    role = f"role_{target}"
    with postgres_server.connect() as connection:
        connection.execute(f"CREATE ROLE {role} LOGIN PASSWORD 'pw'")
    try:
        settings = settings_for(postgres_server, shop, user=role, password="pw")
        with pytest.raises(TargetNotWritableError, match="permission denied to create database") as error:
            shop_dump.restore_to(settings, target, tmp_path)
    finally:
        with postgres_server.connect() as connection:
            connection.execute(f"DROP ROLE {role}")

    assert "CREATEDB" in error.value.next_step


def test_a_dump_newer_than_the_programs_is_refused_before_anything_is_touched(
    postgres_server, shop_dump, shop, target, tmp_path
):
    settings = settings_for(postgres_server, shop, bin_dir=tools_of(15))

    with pytest.raises(PgDumpTooOldError, match="pg_restore 15"):
        shop_dump.restore_to(settings, target, tmp_path)

    assert target not in databases(postgres_server)


@pytest.mark.parametrize("major", [15, 16])
def test_the_newest_programs_serve_an_older_server(major, tmp_path):
    with ScratchPostgres(major=major) as server, new_database(server, EVERYTHING) as name:
        settings = settings_for(server, name, bin_dir=tools_of(18))
        dumped = dump(settings, tmp_path)
        dumped.restore_to(settings, "absent", tmp_path)
        server.create_database("empty")
        dumped.restore_to(settings, "empty", tmp_path)
        with pytest.raises(RestoreFailedError, match="end of file"):
            cut(dumped).restore_to(settings, "cut", tmp_path)

        assert contents(server, "absent") == contents(server, "empty") == contents(server, name)
        assert "cut" not in databases(server)


@pytest.mark.parametrize("major", [15, 16, 18])
def test_the_table_of_contents_is_what_pg_restore_lists(major, tmp_path):
    with ScratchPostgres(major=major) as server, new_database(server, EVERYTHING) as name:
        dumped = dump(settings_for(server, name, bin_dir=tools_of(major)), tmp_path)
    file = tmp_path / "dump"
    file.write_bytes(b"".join(dumped.pieces))

    listed = subprocess.run(
        [tools_of(major) / "pg_restore", "--list", file], capture_output=True, text=True, check=True
    )
    lines = [line for line in listed.stdout.splitlines() if line and not line.startswith(";")]
    toc = {entry.number: entry for entry in dumped.stored().toc()}

    assert len(lines) > 30
    for line in lines:
        number, rest = line.split("; ", 1)
        entry = toc[int(number)]
        assert rest.split(" ", 2)[2].startswith(f"{entry.kind} {entry.schema or '-'} {entry.name}")


@pytest.mark.parametrize("cut_at", [0, 4, 11, 40, 200, 2000])
def test_a_table_of_contents_that_is_cut_short_is_refused(shop_dump, cut_at):
    def start():
        yield memoryview(b"".join(shop_dump.pieces)[:cut_at])

    with pytest.raises(UnreadableDumpError):
        shop_dump.stored(start).toc()


def test_a_server_that_ends_the_session_halfway_is_worth_another_try(
    postgres_server, shop, shop_dump, settings, target, tmp_path
):
    def read():
        yield from map(memoryview, shop_dump.pieces)
        end_sessions_of_restores(postgres_server)

    with pytest.raises(ServerUnreachableError) as error:
        PostgresTarget(settings, target, tmp_path, RestoreOptions()).restore(shop_dump.stored(read))

    assert error.value.retryable
    assert no_leftovers(postgres_server)
    assert shop_dump.restore_to(settings, target, tmp_path) == []
    assert contents(postgres_server, target) == contents(postgres_server, shop)


def end_sessions_of_restores(server):
    ending = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname LIKE 'strongroom_restoring%'"
    with server.connect() as connection:
        # pg_restore connects when it has read enough.
        while not connection.execute(ending).fetchall():
            pass
