"""Dumping and restoring databases the way a backup job does, but with the dump held in memory."""

import secrets
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from strongroom.settings import PostgresSourceSettings
from strongroom.sources.opening import open_source
from strongroom.sources.postgres.holding import held_databases
from strongroom.sources.postgres.stored import Read, StoredDump, StoredFile
from strongroom.sources.postgres.target import PostgresTarget, RestoreOptions
from strongroom.sources.postgres.toolset import installed_toolsets
from strongroom.testing.postgres import ScratchPostgres
from strongroom.tree.content import Item, OpenContent, Problem, Walk

PIECE = 1 << 16


@dataclass(frozen=True)
class Dump:
    """The pieces of a dump and the facts that belong to it."""

    pieces: list[bytes]
    facts: dict[str, str | int]

    def restore_to(
        self, settings: PostgresSourceSettings, database: str, scratch: Path, **options: Any
    ) -> list[Problem]:
        target = PostgresTarget(settings, database, scratch, RestoreOptions(**options))
        target.prepare(self.stored())
        return target.restore(self.stored())

    def stored(self, read: Read | None = None) -> StoredDump:
        """Return the dump as a backup would give it back, or with other bytes."""
        held = held_databases(self.facts)[0]
        file = StoredFile(held.entry.decode(), len(b"".join(self.pieces)), read or self._read)
        return StoredDump(held, int(str(self.facts["pg_dump_version"]).split(".")[0]), (file,))

    def _read(self) -> Generator[memoryview]:
        yield from (memoryview(piece) for piece in self.pieces)


def settings_for(server: ScratchPostgres, dbname: str, **changes: Any) -> PostgresSourceSettings:
    known = {
        "name": "shop",
        "host": server.host,
        "port": server.port,
        "dbname": dbname,
        "user": server.user,
        "password": SecretStr(server.password),
    }
    return PostgresSourceSettings(**(known | changes))


def tools_of(major: int) -> Path:
    """Return the folder of the programs of one version."""
    return next(tools.bin_dir for tools in installed_toolsets("pg_dump") if tools.major == major)


@contextmanager
def opened_dump(settings: PostgresSourceSettings, scratch: Path) -> Iterator[tuple[Walk, OpenContent]]:
    with open_source(settings, scratch).open() as walk:
        content = next(step.content for step in walk if isinstance(step, Item))
        assert content is not None
        with content.open() as opened:
            yield walk, opened


def read_piece(opened: OpenContent) -> bytes:
    view = memoryview(bytearray(PIECE))
    return bytes(view[: opened.readinto(view)])


def dump(settings: PostgresSourceSettings, scratch: Path) -> Dump:
    with opened_dump(settings, scratch) as (walk, opened):
        pieces = list(iter(lambda: read_piece(opened), b""))
        opened.settle()
    return Dump(pieces, walk.facts())


@contextmanager
def new_database(server: ScratchPostgres, statements: str = "") -> Iterator[str]:
    """Give the name of a database that the statements were run in."""
    name = f"test_{secrets.token_hex(8)}"
    server.create_database(name)
    try:
        with server.connect(name) as connection:
            connection.execute(statements.encode())
        yield name
    finally:
        server.drop_database(name)


def databases(server: ScratchPostgres) -> set[str]:
    with server.connect() as connection:
        return {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
