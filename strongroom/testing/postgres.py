"""A real PostgreSQL server for tests, in a private directory, from whatever programs this machine has."""

import secrets
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import quote

from psycopg import sql

from strongroom.clock import SystemClock
from strongroom.sources.postgres.scratch_server import (
    FAST,
    ScratchAccess,
    ScratchServer,
    missing_server,
    server_toolsets,
    unprivileged_account,
)
from strongroom.sources.postgres.toolset import Toolset

_LIMITS = ("max_connections=60",)


class ScratchPostgres(ScratchServer):
    """A PostgreSQL server for tests and the demo: `with ScratchPostgres() as server: server.connect("postgres")`.

    It is gone with all its data after the `with`. A root process runs it as `postgres` or `nobody`. Takes the newest
    installed version, or that of `major`. With `durable` what was committed survives a power cut, at the speed that
    costs. `settings` are more of the server's, as `name=value`. Raises ScratchServerMissingError, ScratchServerError.
    """

    def __init__(self, *, major: int | None = None, durable: bool = False, settings: Sequence[str] = ()) -> None:
        fast = () if durable else (*FAST, "shared_buffers=32MB")
        account = unprivileged_account("postgres")
        access = ScratchAccess("postgres", secrets.token_urlsafe(18))
        every = (*_LIMITS, *fast, *settings)
        super().__init__(Path(), _choose(major), account, access, SystemClock(), settings=every)

    def __enter__(self) -> Self:
        self.directory = Path(tempfile.mkdtemp(prefix="strongroom-pg-"))
        try:
            return super().__enter__()
        except BaseException:
            self._remove()
            raise

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        super().__exit__(kind, error, trace)
        self._remove()

    @property
    def socket_dir(self) -> Path:
        """The directory of the Unix socket; may be used as the host of a connection."""
        return self.directory

    def url(self, dbname: str = "postgres", *, scheme: str = "postgresql") -> str:
        """Return a connection URL; SQLAlchemy wants scheme="postgresql+psycopg"."""
        return f"{scheme}://{self.user}:{quote(self.password)}@{self.host}:{self.port}/{quote(dbname)}"

    def create_database(self, name: str) -> None:
        """Create an empty UTF-8 database."""
        with self.connect() as connection:
            connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(sql.Identifier(name)))

    def drop_database(self, name: str) -> None:
        """Drop a database, together with the sessions in it."""
        with self.connect() as connection:
            connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))

    def _remove(self) -> None:
        shutil.rmtree(self.directory, ignore_errors=True)


def _choose(major: int | None) -> Toolset:
    toolsets = [t for t in server_toolsets() if major in (None, t.major)]
    if not toolsets:
        raise missing_server(str(major or ""))
    return max(toolsets, key=lambda toolset: toolset.major)
