"""Looks for keys where none may be: in the rows of a database, and in what a broker is told and holds."""

import base64
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
import redis


def holds(text: str, key: str) -> bool:
    """Say whether a text has a key in any spelling; `key` is hex."""
    raw = bytes.fromhex(key)
    spellings = {
        key,
        key.upper(),
        base64.b64encode(raw).decode(),
        base64.urlsafe_b64encode(raw).decode(),
        str(raw)[2:-1],
    }
    return any(spelling in text or spelling.rstrip("=") in text for spelling in spellings)


def rows_of(url: str) -> str:
    """Return every row of a database, bytes in hex, as a dump has them."""
    return "".join(tables_of(url).values())


def tables_of(url: str) -> dict[str, str]:
    """Return the rows of each table of a database."""
    with psycopg.connect(url) as connection:
        named = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return {name: _rows(connection, name) for (name,) in named}


def _rows(connection: psycopg.Connection[tuple[object, ...]], table: str) -> str:
    with connection.cursor().copy(f'COPY "{table}" TO STDOUT'.encode()) as copy:
        return "".join(bytes(row).decode() for row in copy)


def contents(url: str) -> list[object]:
    """Return every key and value of a broker."""
    client = redis.Redis.from_url(url)
    return [(name, client.dump(name)) for name in client.scan_iter()]


@contextmanager
def monitored(url: str) -> Iterator[list[object]]:
    """Collect every command that a broker is given."""
    heard: list[object] = []
    client = redis.Redis.from_url(url)

    def listen(monitor: redis.client.Monitor) -> None:
        with suppress(redis.RedisError, OSError, ValueError):
            heard.extend(command["command"] for command in monitor.listen())

    with client.monitor() as monitor:
        threading.Thread(target=listen, args=(monitor,), daemon=True).start()
        yield heard
