"""Running a merge: pg_restore writes SQL, psql runs it in one transaction that is committed only if both did well."""

import os
from collections.abc import Sequence

from strongroom.sources.postgres.connection import Connection, conninfo, tool_environment
from strongroom.sources.postgres.database import server_major
from strongroom.sources.postgres.loading import Loader
from strongroom.sources.postgres.merging import Merge
from strongroom.sources.postgres.spool import spool
from strongroom.sources.postgres.stored import StoredDump
from strongroom.sources.postgres.tool import Tool

_PIECE = 1 << 18
_HEAD = 1 << 14
_TRANSACTION_TIMEOUT_SINCE = 17
# pg_restore 17 and newer write this at the top, and older servers do not know it.
_TRANSACTION_TIMEOUT = b"SET transaction_timeout = 0;\n"


def run_merge(loader: Loader, connection: Connection, dump: StoredDump, merge: Merge, options: Sequence[str]) -> None:
    """Restore what was planned into the connection's database; after RestoreFailedError it is as it was."""
    room = "".join(f"{statement.as_string(connection)};\n" for statement in merge.room)
    is_old = server_major(connection) < _TRANSACTION_TIMEOUT_SINCE
    psql = _psql(loader, connection.info.dbname)
    with (
        spool(loader.scratch, dump.size) as path,
        loader.list_file(merge.picked.entries) as chosen,
        tool_environment(loader.settings, loader.scratch) as environment,
    ):
        dump.lay_down(path, loader.check)
        command = [*loader.command(dump, [*options, *chosen]), "--file=-", str(path)]
        with Tool(command, environment) as writer, Tool(psql, environment, reads=True) as runner:
            runner.feed(memoryview(f"BEGIN;\n{room}".encode()), loader.check)
            _relay(writer, runner, loader, without=_TRANSACTION_TIMEOUT if is_old else b"")
            loader.verify(writer, connection.info.dbname)
            # Without this line psql ends its session, and the server forgets everything.
            runner.feed(memoryview(b"\nCOMMIT;\n"), loader.check)
            runner.end_input()
            loader.verify(runner, connection.info.dbname)


def _relay(writer: Tool, runner: Tool, loader: Loader, *, without: bytes) -> None:
    head = b""
    while data := _read(writer, loader):
        if without:
            # The line may be cut in two by the pipe.
            head += data
            if without not in head and len(head) < _HEAD:
                continue
            data, without = head.replace(without, b"", 1), b""
        if not runner.feed(memoryview(data), loader.check):
            # A psql that reads no more has failed, and says why.
            loader.verify(runner, "")
    if without:
        runner.feed(memoryview(head), loader.check)


def _read(writer: Tool, loader: Loader) -> bytes:
    writer.wait_for_output(loader.check)
    return os.read(writer.output, _PIECE)


def _psql(loader: Loader, database: str) -> list[str]:
    return [
        str(loader.toolset.program("psql")),
        "--no-psqlrc",
        "--quiet",
        "--no-password",
        "--set=ON_ERROR_STOP=1",
        "--output=/dev/null",
        "--file=-",
        f"--dbname={conninfo(loader.settings, database)}",
    ]
