"""A prepared statement that PostgreSQL works on while this thread does something else.

psycopg waits for the answer to what it sends, and a second thread that waits for it fights over the interpreter's lock
with the one that works; so this speaks to libpq itself, through psycopg.pq.
"""

import re
import select
from collections.abc import Sequence
from itertools import count
from typing import Any

import psycopg
from psycopg import pq, sql
from psycopg.adapt import PyFormat, Transformer
from psycopg.errors import lookup

NAME = b"strongroom_update"
MARK = re.compile("%%|%s")
Connection = psycopg.Connection[tuple[Any, ...]]


class SentStatement:
    """One statement with parameters, prepared on first use; in between nothing else is done with the connection."""

    def __init__(self, connection: Connection, statement: sql.Composed) -> None:
        self._connection, self._numbered = connection, _numbered(statement, connection)
        self._prepared = False

    def start(self, values: Sequence[Any]) -> None:
        """Send the statement; raises psycopg's errors."""
        connection = self._connection.pgconn
        if not self._prepared:
            _verify(connection.prepare(NAME, self._numbered))
            self._prepared = True
        dump = Transformer(self._connection)
        formats = [PyFormat.TEXT] * len(values)
        connection.send_query_prepared(NAME, dump.dump_sequence(values, formats))
        while connection.flush():
            _wait(connection, select.POLLIN | select.POLLOUT)
            connection.consume_input()

    def finish(self) -> int:
        """Return the rows that the statement changed; raises psycopg's errors."""
        connection = self._connection.pgconn
        rows = 0
        error: psycopg.Error | None = None
        while True:
            while connection.is_busy():
                _wait(connection, select.POLLIN)
                connection.consume_input()
            result = connection.get_result()
            if result is None:
                break
            try:
                rows = _verify(result)
            except psycopg.Error as found:
                error = found
        if error is not None:
            raise error
        return rows


def _numbered(statement: sql.Composed, connection: Connection) -> bytes:
    """Return the statement with `$1`, `$2` for its marks, as the server takes it."""
    numbers = count(1)
    text = statement.as_string(connection)
    return MARK.sub(lambda found: "%" if found[0] == "%%" else f"${next(numbers)}", text).encode()


def _wait(connection: pq.abc.PGconn, events: int) -> None:
    poll = select.poll()
    poll.register(connection.socket, events)
    poll.poll()


def _verify(result: pq.abc.PGresult) -> int:
    """Return the rows a statement changed, or raise what the server says."""
    if result.status in (pq.ExecStatus.COMMAND_OK, pq.ExecStatus.TUPLES_OK):
        return result.command_tuples or 0
    state = (result.error_field(pq.DiagnosticField.SQLSTATE) or b"").decode("ascii")
    try:
        raise lookup(state)
    except KeyError:
        raise psycopg.OperationalError("the connection was cut") from None
