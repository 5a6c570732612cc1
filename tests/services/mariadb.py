"""One MariaDB server per test run's worker, on a unix socket in a private directory, and an empty database per test."""

import os
import pwd
import secrets
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import OperationalError

from tests.services.processes import Server, make_private_directory
from tests.services.requirement import service_is_missing


def _account() -> pwd.struct_passwd | None:
    return pwd.getpwnam("mysql") if os.geteuid() == 0 else None


def _url(socket: Path, database: str = "") -> str:
    return f"mysql+pymysql://root@localhost/{database}?unix_socket={socket}"


def _answers(socket: Path) -> bool:
    engine = create_engine(_url(socket))
    try:
        with engine.connect():
            return True
    except OperationalError:
        return False
    finally:
        engine.dispose()


@pytest.fixture(scope="session")
def mariadb_socket(run_directory: Path) -> Iterator[Path]:
    """The socket of a server for tests that make and drop their own databases."""
    if shutil.which("mariadbd") is None:
        service_is_missing("MariaDB is not installed: run tests/install-services.")
    directory = make_private_directory(run_directory / f"mariadb-{secrets.token_hex(4)}", _account())
    user = [f"--user={account.pw_name}"] if (account := _account()) else []
    prepare = ["mariadb-install-db", "--no-defaults", f"--datadir={directory / 'data'}", "--skip-test-db"]
    prepare += ["--auth-root-authentication-method=normal", *user]
    subprocess.run(prepare, check=True, capture_output=True)
    socket = directory / "socket"
    command = [
        "mariadbd",
        "--no-defaults",
        f"--datadir={directory / 'data'}",
        f"--socket={socket}",
        "--skip-networking",
    ]
    command += [f"--pid-file={directory / 'mariadbd.pid'}", "--innodb-flush-log-at-trx-commit=0", *user]
    server = Server("mariadb", command, directory)
    server.start(lambda: _answers(socket))
    yield socket
    server.stop()


@pytest.fixture
def mariadb_url(mariadb_socket: Path) -> Iterator[str]:
    """The address of a new empty database; dropped after the test."""
    name = f"test_{secrets.token_hex(8)}"
    engine = create_engine(_url(mariadb_socket))
    with engine.begin() as connection:
        connection.execute(text(f"CREATE DATABASE {name} CHARACTER SET utf8mb4"))
    yield _url(mariadb_socket, name)
    with engine.begin() as connection:
        connection.execute(text(f"DROP DATABASE {name}"))
    engine.dispose()
