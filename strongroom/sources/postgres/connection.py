"""Connecting to a PostgreSQL server, in this process and from the PostgreSQL programs."""

import os
import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
from psycopg.conninfo import make_conninfo

from strongroom.errors import StrongroomError
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.errors import (
    DatabaseNotFoundError,
    ServerUnreachableError,
    UnusablePasswordError,
    WrongPasswordError,
)

Connection = psycopg.Connection[tuple[Any, ...]]

_MAINTENANCE = ("postgres", "template1")
_CONNECT_SECONDS = 15
# A server that goes away without a word is noticed within about a minute.
_KEEPALIVE: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
_CAUSE = re.compile(r".*(?:FATAL|failed|error): +(.+)")
_NO_DATABASE = re.compile(r'database ".*" does not exist')
_REFUSED = re.compile(
    r"authentication failed|no password supplied|role .* does not exist|pg_hba\.conf|permission denied for database"
    r"|is not permitted to log in"
)

_LOST = re.compile(
    r"server closed the connection|terminating connection|connection to server .* failed|no connection to the server"
    r"|could not (?:receive|send) data|the database system is (?:starting up|shutting down|in recovery)|SSL SYSCALL"
)


def connect(settings: PostgresSourceSettings, database: str) -> Connection:
    """Open a connection in autocommit mode to a database of the server that the settings name.

    Raises ServerUnreachableError, WrongPasswordError, DatabaseNotFoundError.
    """
    password = settings.password.get_secret_value() if settings.password else None
    try:
        return psycopg.connect(conninfo(settings, database), password=password, autocommit=True)
    except psycopg.OperationalError as error:
        raise connection_error(settings, database, hide_password(settings, str(error))) from None


def connect_anywhere(settings: PostgresSourceSettings, *, but: str = "") -> Connection:
    """Open a connection to whichever database of the server is there, other than `but`; raises as `connect`."""
    names = [name for name in (*_MAINTENANCE, *settings.wanted) if name != but and not is_pattern(name)]
    for name in names[:-1]:
        try:
            return connect(settings, name)
        except (DatabaseNotFoundError, WrongPasswordError):
            continue
    return connect(settings, names[-1])


def is_pattern(name: str) -> bool:
    """Tell whether a name of a database in the settings stands for several."""
    return "*" in name or "?" in name


def conninfo(settings: PostgresSourceSettings, dbname: str) -> str:
    """Return the connection string of a database, without the password."""
    return make_conninfo(
        host=settings.host,
        port=settings.port,
        user=settings.user,
        dbname=dbname,
        sslmode=settings.sslmode,
        connect_timeout=_CONNECT_SECONDS,
        application_name="strongroom",
        **_KEEPALIVE,
    )


@contextmanager
def tool_environment(settings: PostgresSourceSettings, scratch: Path) -> Iterator[dict[str, str]]:
    """Give the environment for a PostgreSQL program: nothing of this process's own, the password in a private file.

    The file has mode 600 in a directory of mode 700 below scratch, and is gone afterwards. Without a password in the
    settings the program finds the user's own ~/.pgpass. Raises UnusablePasswordError.
    """
    environment = {"PATH": os.defpath, "LC_ALL": "C"}
    scratch.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="postgres-", dir=scratch) as directory:
        if settings.password:
            file = Path(directory) / "pgpass"
            file.touch(mode=0o600)
            file.write_text(_passfile_line(settings.password.get_secret_value()), encoding="utf-8")
            environment["PGPASSFILE"] = str(file)
        yield environment


def hide_password(settings: PostgresSourceSettings, text: str) -> str:
    """Return the text with the password replaced, in case a server or program repeats it."""
    password = settings.password.get_secret_value() if settings.password else ""
    return text.replace(password, "********") if password else text


def _passfile_line(password: str) -> str:
    if "\n" in password or "\0" in password:
        raise UnusablePasswordError(
            "The PostgreSQL password contains a line break or a NUL.",
            next_step="Give the role a password without them.",
        )
    escaped = password.replace("\\", "\\\\").replace(":", "\\:")
    return f"*:*:*:*:{escaped}\n"


def connection_error(settings: PostgresSourceSettings, database: str, message: str) -> StrongroomError:
    """Put what libpq says about a connection into an error: the password or role, the database, else the server."""
    server = f"{settings.host}:{settings.port}"
    if _NO_DATABASE.search(message):
        return DatabaseNotFoundError(
            f"The PostgreSQL server {server} has no database {database!r}.",
            next_step=f"Correct the databases of source {settings.name}, or create this one.",
        )
    if _REFUSED.search(message):
        return WrongPasswordError(
            f"The PostgreSQL server {server} refused {settings.user!r} for database {database!r}: {cause_of(message)}.",
            next_step=f"Check user and password of source {settings.name}, and pg_hba.conf of the server.",
        )
    return ServerUnreachableError(
        f"The PostgreSQL server {server} cannot be reached: {cause_of(message)}.",
        next_step=f"Check that it runs, and host, port and sslmode of source {settings.name}.",
    )


def lost_connection(settings: PostgresSourceSettings, words: str) -> ServerUnreachableError | None:
    """Return the error of a server that ended a connection or shut down, if that is what its words say."""
    if not _LOST.search(words):
        return None
    return ServerUnreachableError(
        f"The PostgreSQL server {settings.host}:{settings.port} ended the connection: {cause_of(words)}.",
        next_step="It is tried again. See in the server's log why it ended or restarted.",
    )


def cause_of(message: str) -> str:
    """Return the last cause that libpq names; it puts several attempts and a hint around it."""
    causes = _CAUSE.findall(message)
    return (causes[-1] if causes else message.strip() or "no reason given").rstrip(".")
