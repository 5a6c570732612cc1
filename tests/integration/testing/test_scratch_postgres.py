"""A scratch server is a real one, is reachable only with its password, and leaves nothing behind."""

import os
import shutil
from pathlib import Path

import psycopg
import pytest

from strongroom.sources.errors import ScratchServerError, ScratchServerMissingError
from strongroom.sources.postgres.toolset import Toolset, installed_toolsets
from strongroom.testing import postgres
from strongroom.testing.postgres import ScratchPostgres

MAJORS = sorted({tools.major for tools in installed_toolsets("initdb")})


@pytest.mark.parametrize("major", MAJORS)
def test_every_installed_version_can_be_had(major):
    with ScratchPostgres(major=major) as server, server.connect() as connection:
        assert connection.info.server_version // 10_000 == major


def test_the_newest_version_is_taken_unless_another_is_wanted(postgres_server):
    assert postgres_server.toolset.major == max(MAJORS)


def test_a_version_that_is_not_installed_is_named():
    with pytest.raises(ScratchServerMissingError, match="No PostgreSQL 9 programs"), ScratchPostgres(major=9):
        pass


@pytest.mark.parametrize("place", ["host", "socket_dir"])
def test_nobody_gets_in_without_the_password(postgres_server, place):
    address = {"host": str(getattr(postgres_server, place)), "port": postgres_server.port, "user": "postgres"}

    with pytest.raises(psycopg.OperationalError, match="password"):
        psycopg.connect(**address, dbname="postgres", password="wrong")
    with psycopg.connect(**address, dbname="postgres", password=postgres_server.password):
        pass


def test_a_stopped_server_comes_back_with_its_data_at_the_same_address():
    with ScratchPostgres() as server:
        url = server.url()
        with server.connect() as connection:
            connection.execute("CREATE TABLE kept AS SELECT 1 AS a")
        server.stop()
        with pytest.raises(psycopg.OperationalError):
            server.connect()
        server.start()

        assert server.url() == url
        with server.connect() as connection:
            assert connection.execute("TABLE kept").fetchall() == [(1,)]


class UnluckyError(Exception):
    """Something in the middle of a test."""


def fail_with_a_server(seen):
    with ScratchPostgres() as server:
        seen["directory"] = server.directory
        seen["pid"] = int((server.directory / "data" / "postmaster.pid").read_text().splitlines()[0])
        raise UnluckyError


def test_nothing_is_left_of_it_not_even_after_an_error():
    seen = {}
    with pytest.raises(UnluckyError):
        fail_with_a_server(seen)

    assert not seen["directory"].exists()
    with pytest.raises(ProcessLookupError):
        os.kill(seen["pid"], 0)


def test_a_server_that_cannot_start_says_why(monkeypatch):
    monkeypatch.setattr(postgres, "FAST", ("shared_buffers=nonsense",))

    with pytest.raises(ScratchServerError, match="shared_buffers"), ScratchPostgres():
        pass


def test_programs_below_a_private_home_are_used_all_the_same(tmp_path, monkeypatch):
    found = next((tools for tools in installed_toolsets("initdb") if "pginstall" in str(tools.bin_dir)), None)
    if found is None or os.geteuid() != 0:
        pytest.skip("needs the PostgreSQL programs of a Python package, and root who gives them to another user")
    package = found.bin_dir.parent.parent
    home = tmp_path / "home"
    shutil.copytree(found.bin_dir.parent, home / package.name / found.bin_dir.parent.name)
    shutil.copytree(package.with_name(f"{package.name}.libs"), home / f"{package.name}.libs")
    home.chmod(0o700)
    private = Toolset(home / found.bin_dir.relative_to(package.parent), found.major, found.version)
    monkeypatch.setattr(postgres, "server_toolsets", lambda: [private])

    with ScratchPostgres() as server, server.connect() as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        assert Path(server.toolset.bin_dir).is_relative_to(server.directory)
