"""Calls of scripts with as little work as can be: the command is put together once, but for its keys."""

import hashlib
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError

MOST_KEYS = 2


class Script:
    """A script without arguments, which is told only the keys that differ from call to call."""

    def __init__(self, text: str) -> None:
        # What servers know a script by; nothing is kept secret or safe by it.
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._known = _heads(_packed("EVALSHA") + _packed(digest))
        self._whole = _heads(_packed("EVAL") + _packed(text))

    def command(self, *keys: str) -> bytes:
        """Return what calls the script on a server that knows it."""
        return _call(self._known, keys)

    def introduction(self, *keys: str) -> bytes:
        """Return what calls the script on a server that does not know it, and does from then on."""
        return _call(self._whole, keys)


async def call(client: Redis, script: Script, *keys: str) -> Any:
    """Call a script over a connection of the client, within a limit of the caller's; raises what the client raises."""
    # redis-py does not say what types this has.
    pool: Any = client.connection_pool
    connection = await pool.get_connection()
    seconds = connection.socket_timeout
    # A second limit within that of the caller would be a task and two timers for each call.
    connection.socket_timeout = None
    try:
        await connection.send_packed_command(script.command(*keys), check_health=False)
        try:
            return await connection.read_response()
        except NoScriptError:
            # Each run of a server hears the text of a script once.
            await connection.send_packed_command(script.introduction(*keys), check_health=False)
            return await connection.read_response()
    finally:
        connection.socket_timeout = seconds
        await pool.release(connection)


def _heads(named: bytes) -> tuple[bytes, ...]:
    """Return what comes before none, one and two keys."""
    return tuple(b"*%d\r\n%s%s" % (3 + keys, named, _packed(str(keys))) for keys in range(MOST_KEYS + 1))


def _call(heads: tuple[bytes, ...], keys: tuple[str, ...]) -> bytes:
    call = heads[len(keys)]
    for key in keys:
        call += f"${len(key)}\r\n{key}\r\n".encode("ascii")
    return call


def _packed(argument: str) -> bytes:
    encoded = argument.encode()
    return b"$%d\r\n%s\r\n" % (len(encoded), encoded)
