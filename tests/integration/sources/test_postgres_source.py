"""A dump is whole or an error that says what to do, and the password is nowhere to be seen."""

import logging
import os
import socket
import stat
from pathlib import Path

import pytest
from psycopg import sql

from strongroom.sources.errors import (
    DatabaseNotFoundError,
    DumpDeniedError,
    PgDumpNotFoundError,
    PgDumpTooOldError,
    ProducerFailedError,
    ServerUnreachableError,
    UnusablePasswordError,
    WrongPasswordError,
)
from strongroom.sources.opening import open_source
from strongroom.sources.postgres.holding import held_databases
from strongroom.testing.postgres import ScratchPostgres
from strongroom.tree.content import Enter, Item, Leave
from tests.integration.sources.dumps import dump, new_database, opened_dump, read_piece, settings_for, tools_of

ROWS = "CREATE TABLE big AS SELECT n, repeat(md5(n::text), 60) AS pad FROM generate_series(1, 20000) AS n"


@pytest.fixture(scope="module")
def big(postgres_server):
    """A database whose dump is far larger than any buffer on its way."""
    with new_database(postgres_server, ROWS) as name:
        yield name


def test_a_backup_is_one_dump_in_a_directory(postgres_server, big, tmp_path):
    with open_source(settings_for(postgres_server, big), tmp_path).open() as walk:
        steps = list(walk)

    assert [type(step) for step in steps] == [Enter, Item, Leave]
    assert steps[1].entry.name == f"{big}.dump".encode()
    assert walk.problems() == []


def test_the_facts_say_what_a_restore_needs(postgres_server, big, tmp_path):
    dumped = dump(settings_for(postgres_server, big), tmp_path)

    assert dumped.pieces[0][:5] == b"PGDMP"
    held = held_databases(dumped.facts)[0]
    assert held.name == big
    assert dumped.facts["server_version"] == dumped.facts["pg_dump_version"] == postgres_server.toolset.version
    assert (held.encoding, held.collate) == ("UTF8", "C")


def test_the_size_is_known_roughly_before(postgres_server, big, tmp_path):
    expected = open_source(settings_for(postgres_server, big), tmp_path).expected_bytes()

    assert expected is not None
    assert expected > 30_000_000


def test_a_unix_socket_is_a_host_too(postgres_server, big, tmp_path):
    settings = settings_for(postgres_server, big, host=str(postgres_server.socket_dir))

    assert dump(settings, tmp_path).pieces


@pytest.mark.parametrize("password", ["a:b\\c", "\u00e9 '\"=%$", "\\"])
def test_odd_passwords_reach_the_server(postgres_server, big, tmp_path, password):
    with postgres_server.connect() as connection:
        role = sql.Identifier(f"odd_{big}")
        connection.execute(sql.SQL("CREATE ROLE {} SUPERUSER LOGIN PASSWORD {}").format(role, sql.Literal(password)))
    try:
        assert dump(settings_for(postgres_server, big, user=f"odd_{big}", password=password), tmp_path).pieces
    finally:
        with postgres_server.connect() as connection:
            connection.execute(sql.SQL("DROP ROLE {}").format(role))


def test_a_password_that_no_file_can_hold_is_refused(postgres_server, big, tmp_path):
    with postgres_server.connect() as connection:
        connection.execute(f"CREATE ROLE broken_{big} SUPERUSER LOGIN PASSWORD 'a\nb'")
    try:
        with pytest.raises(UnusablePasswordError):
            dump(settings_for(postgres_server, big, user=f"broken_{big}", password="a\nb"), tmp_path)
    finally:
        with postgres_server.connect() as connection:
            connection.execute(f"DROP ROLE broken_{big}")


def test_a_wrong_password_is_told_apart(postgres_server, big, tmp_path):
    with pytest.raises(WrongPasswordError, match="password authentication failed") as error:
        dump(settings_for(postgres_server, big, password="not-the-right-one"), tmp_path)

    assert not error.value.retryable
    assert "not-the-right-one" not in str(error.value)


def test_an_unknown_role_is_told_apart(postgres_server, big, tmp_path):
    with pytest.raises(WrongPasswordError, match="nobody-here"):
        dump(settings_for(postgres_server, big, user="nobody-here"), tmp_path)


def test_a_missing_database_is_told_apart(postgres_server, tmp_path):
    with pytest.raises(DatabaseNotFoundError, match="has no database 'absent'"):
        dump(settings_for(postgres_server, "absent"), tmp_path)


def test_a_server_that_is_not_there_may_come_back(postgres_server, big, tmp_path):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        settings = settings_for(postgres_server, big, port=taken.getsockname()[1])
        with pytest.raises(ServerUnreachableError, match="Connection refused") as error:
            dump(settings, tmp_path)

    assert error.value.retryable


def test_a_server_without_the_wanted_encryption_is_not_used(postgres_server, big, tmp_path):
    with pytest.raises(ServerUnreachableError, match="SSL"):
        dump(settings_for(postgres_server, big, sslmode="require"), tmp_path)


@pytest.mark.parametrize("major", [15, 16])
def test_programs_older_than_the_server_are_refused_before_they_start(postgres_server, big, tmp_path, major):
    with pytest.raises(PgDumpTooOldError, match=rf"pg_dump {major}\..* is too old: version 18"):
        dump(settings_for(postgres_server, big, bin_dir=tools_of(major)), tmp_path)


def test_a_missing_pg_dump_is_named(postgres_server, big, tmp_path):
    with pytest.raises(PgDumpNotFoundError, match=f"no working pg_dump in {tmp_path}"):
        dump(settings_for(postgres_server, big, bin_dir=tmp_path), tmp_path)


def test_a_table_that_may_not_be_read_is_named(postgres_server, big, tmp_path):
    with postgres_server.connect() as connection:
        connection.execute(f"CREATE ROLE poor_{big} LOGIN PASSWORD 'pw'")
    try:
        with pytest.raises(DumpDeniedError, match="permission denied for table big") as error:
            dump(settings_for(postgres_server, big, user=f"poor_{big}", password="pw"), tmp_path)
    finally:
        with postgres_server.connect() as connection:
            connection.execute(f"DROP ROLE poor_{big}")

    assert not error.value.retryable


def test_a_session_that_is_ended_halfway_is_no_backup(postgres_server, big, tmp_path):
    settings = settings_for(postgres_server, big)
    with opened_dump(settings, tmp_path) as (_, opened):
        read_piece(opened)
        with postgres_server.connect() as connection:
            ended = connection.execute(
                "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s"
                " AND backend_type = 'client backend'",
                [big],
            ).fetchall()
        while read_piece(opened):
            pass
        with pytest.raises(ProducerFailedError, match=f"pg_dump of database '{big}'") as error:
            opened.settle()

    # The dump's own session, and the one that counts rows in the same snapshot.
    assert ended == [(True,), (True,)]
    assert error.value.retryable
    assert postgres_server.password not in str(error.value)


def test_a_database_that_is_dropped_halfway_is_no_backup(postgres_server, tmp_path):
    with new_database(postgres_server, ROWS) as name:
        with opened_dump(settings_for(postgres_server, name), tmp_path) as (_, opened):
            read_piece(opened)
            postgres_server.drop_database(name)
            while read_piece(opened):
                pass
            with pytest.raises(DatabaseNotFoundError):
                opened.settle()


def test_a_server_that_dies_halfway_is_no_backup(tmp_path):
    with ScratchPostgres() as server, new_database(server, ROWS) as name:
        settings = settings_for(server, name)
        with opened_dump(settings, tmp_path) as (_, opened):
            read_piece(opened)
            server.stop(immediate=True)
            while read_piece(opened):
                pass
            with pytest.raises(ProducerFailedError):
                opened.settle()
        with pytest.raises(ServerUnreachableError):
            dump(settings, tmp_path)
        server.start()

        assert dump(settings, tmp_path).pieces


def test_a_backup_that_is_given_up_leaves_no_session_behind(postgres_server, big, tmp_path):
    with opened_dump(settings_for(postgres_server, big), tmp_path) as (_, opened):
        read_piece(opened)

    with postgres_server.connect() as connection:
        sessions = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s AND state = 'idle'"
        connection.execute(sessions, [big])
        left = connection.execute("SELECT application_name FROM pg_stat_activity WHERE query LIKE 'COPY%'").fetchall()

    assert left == []
    assert list(tmp_path.iterdir()) == []


def test_the_password_is_in_no_argument_environment_or_log(postgres_server, big, tmp_path, caplog, monkeypatch):
    monkeypatch.setenv("PGOPTIONS", "-c search_path=elsewhere")
    monkeypatch.setenv("STRONGROOM_FLOWER_PASSWORD", "another-secret")
    with caplog.at_level(logging.DEBUG):
        with opened_dump(settings_for(postgres_server, big), tmp_path) as (_, opened):
            read_piece(opened)
            process = next(path for path in children() if b"pg_dump" in (path / "cmdline").read_bytes())
            seen = (process / "cmdline").read_bytes() + (process / "environ").read_bytes()
            passfile = next(tmp_path.glob("*/pgpass"))
            modes = [stat.S_IMODE(path.stat().st_mode) for path in (passfile, passfile.parent)]
            kept = passfile.read_text()

    assert postgres_server.password.encode() not in seen
    assert b"another-secret" not in seen
    assert b"PGOPTIONS" not in seen
    assert (postgres_server.password in kept, modes, passfile.exists()) == (True, [0o600, 0o700], False)
    assert postgres_server.password not in caplog.text


def children():
    """Return the /proc folders of this process's children."""
    tasks = Path(f"/proc/{os.getpid()}/task").glob("*/children")
    return [Path("/proc") / pid for task in tasks for pid in task.read_text().split()]


def test_a_dump_that_waits_for_a_lock_is_stopped_within_seconds(postgres_server, big, tmp_path):
    class Wished(BaseException):
        pass

    asked = []

    def check():
        asked.append(True)
        if len(asked) > 1:
            raise Wished

    def read_to_the_end(walk):
        content = next(step.content for step in walk if isinstance(step, Item))
        with content.open() as opened:
            return list(iter(lambda: read_piece(opened), b""))

    source = open_source(settings_for(postgres_server, big), tmp_path, check)
    with postgres_server.connect(big) as holder, source.open() as walk:
        holder.execute("BEGIN")
        holder.execute("LOCK TABLE big IN ACCESS EXCLUSIVE MODE")
        with pytest.raises(Wished):
            read_to_the_end(walk)
