"""Sees to it, on every new connection, that the server's run has an epoch of its own.

A Redis that was restarted, or another one that took over, may have forgotten that sessions were used. A connection
never outlives the run of its server, so what is compared when it is made stays true, and costs no request.
"""

import asyncio
import re
from collections.abc import Callable
from typing import Any

from redis.asyncio.connection import AbstractConnection
from redis.exceptions import ConnectionError as RedisConnectionError

from api.sessions.keys import EPOCH_SERVER
from api.sessions.scripts import read_script
from strongroom.catalog.session import Catalog
from strongroom.catalog.session_epochs import begin_epoch
from strongroom.clock import RandomBytes

_RUN = re.compile(r"^run_id:(\w{1,64})", re.MULTILINE)


class Epochs:
    """What a new connection does first; `begin` returns the epoch of a run of the server, and may wait for it."""

    def __init__(self, begin: Callable[[str], str]) -> None:
        self._begin = begin
        self._script = read_script("begin")
        self._beginning: dict[str, asyncio.Task[str]] = {}

    async def greet(self, connection: AbstractConnection) -> None:
        """Log in as usual, and begin an epoch where the run has none; raises CatalogUnavailableError."""
        try:
            await self._greet(connection)
        except BaseException:
            # The pool would take one that is connected for one that was greeted.
            await connection.disconnect(nowait=True)
            raise

    async def _greet(self, connection: AbstractConnection) -> None:
        await connection.on_connect()
        information, known = await _ask(connection, ("INFO", "server"), ("GET", EPOCH_SERVER))
        run = _RUN.search(information.decode())
        if run is None:
            raise RedisConnectionError("The server does not say which run of it this is.")
        if known != run[1].encode():
            epoch = await self._epoch_of(run[1])
            await _ask(connection, ("EVAL", self._script, 0, epoch, run[1]))

    async def _epoch_of(self, run: str) -> str:
        # Whoever waits may give up, and the next one finds it done: the catalog may take longer than a request waits.
        task = self._beginning.get(run)
        if task is None:
            task = self._beginning[run] = asyncio.create_task(asyncio.to_thread(self._begin, run))
            task.add_done_callback(lambda _: self._beginning.pop(run, None))
        return await asyncio.shield(task)


async def _ask(connection: AbstractConnection, *commands: tuple[Any, ...]) -> list[Any]:
    for command in commands:
        await connection.send_command(*command, check_health=False)
    return [await connection.read_response() for _ in commands]


def epochs_in(catalog: Catalog, random: RandomBytes) -> Epochs:
    """Return the epochs that a catalog knows."""

    def begin(run: str) -> str:
        with catalog.begin() as session:
            return begin_epoch(session, server=run, name=random(8).hex())

    return Epochs(begin)
