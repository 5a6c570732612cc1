"""Calls of scripts with as little work as can be: the command is put together once, but for its keys."""

import hashlib
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import NoScriptError


class Script:
    """A script without arguments, which is told only the keys that differ from call to call."""

    def __init__(self, text: str) -> None:
        # What servers know a script by; nothing is kept secret or safe by it.
        digest = hashlib.sha1(text.encode(), usedforsecurity=False).hexdigest()
        self._known = _packed("EVALSHA") + _packed(digest)
        self._whole = _packed("EVAL") + _packed(text)

    def command(self, *keys: str) -> bytes:
        """Return what calls the script on a server that knows it."""
        return self._call(self._known, keys)

    def introduction(self, *keys: str) -> bytes:
        """Return what calls the script on a server that does not know it, and does from then on."""
        return self._call(self._whole, keys)

    def _call(self, named: bytes, keys: tuple[str, ...]) -> bytes:
        head = b"*%d\r\n%s%s" % (3 + len(keys), named, _packed(str(len(keys))))
        return head + b"".join([_packed(key) for key in keys])


async def call(client: Redis, script: Script, *keys: str) -> Any:
    """Call a script over a connection of the client; raises what the client raises."""
    # redis-py does not say what types this has.
    pool: Any = client.connection_pool
    connection = await pool.get_connection()
    try:
        await connection.send_packed_command(script.command(*keys), check_health=False)
        try:
            return await connection.read_response()
        except NoScriptError:
            # Each run of a server hears the text of a script once.
            await connection.send_packed_command(script.introduction(*keys), check_health=False)
            return await connection.read_response()
    finally:
        await pool.release(connection)


def _packed(argument: str) -> bytes:
    encoded = argument.encode()
    return b"$%d\r\n%s\r\n" % (len(encoded), encoded)
