"""Takes connections: so many at a time, and none that does not prove who it is within some seconds.

The server's own way to listen has no bound on either; a connection counts from the moment it is accepted here.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

log = logging.getLogger(__name__)

HANDSHAKE_SECONDS = 5.0
"""For the beginning of TLS; and for its end, when the other side says nothing to that."""
MOST_CONNECTIONS = 512
"""Open at a time on all ports of a face, handshakes that go on among them."""

BACKLOG = 1024
_REST_SECONDS = 0.5

Leave = Callable[[], object]
MakeProtocol = Callable[[Leave], asyncio.Protocol]


class Room:
    """Knows who is inside."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._inside: set[object] = set()
        self._turned_away = 0

    def enter(self) -> Leave | None:
        """Return what is to be called, once or more, when a connection ends; None where there is no room for it."""
        if len(self._inside) >= self._most:
            self._turned_away += 1
            log.warning("skip.no_room connections=%d turned_away=%d", self._most, self._turned_away)
            return None
        guest = object()
        self._inside.add(guest)
        return partial(self._inside.discard, guest)


class Door:
    """Listens on one address from the moment it is made, and lets in once it is open."""

    def __init__(self, host: str, port: int, context: ssl.SSLContext | None, make: MakeProtocol, room: Room) -> None:
        """Take the address; raises OSError."""
        self._context = context
        self._make = make
        self._room = room
        self._tasks: set[asyncio.Task[None]] = set()
        self.sockets = _listen(host, port)

    def open(self) -> None:
        """Let in from now on; called in the loop that serves."""
        for listening in self.sockets:
            self._start(self._accept(listening))

    def close(self) -> None:
        """Let nobody in any more; who is inside stays."""
        for task in self._tasks:
            task.cancel()
        if not self._tasks:
            # It was never opened; else whoever accepts closes what it accepts from.
            for listening in self.sockets:
                listening.close()

    async def wait_closed(self) -> None:
        """Wait until nobody is on the way in."""
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _accept(self, listening: socket.socket) -> None:
        with listening:
            while True:
                connection = await _next(listening)
                leave = self._room.enter()
                if leave is None:
                    connection.close()
                else:
                    self._start(self._welcome(connection, leave))

    async def _welcome(self, connection: socket.socket, leave: Leave) -> None:
        """Shake hands; from then on the protocol says when the connection ends."""
        loop, inside = asyncio.get_running_loop(), False
        seconds = None if self._context is None else HANDSHAKE_SECONDS
        limits = {"ssl_handshake_timeout": seconds, "ssl_shutdown_timeout": seconds}
        try:
            # asyncio does it only where the protocol of the socket was named. Without, the body of an answer waits
            # until the caller has confirmed its head, which takes 40 ms.
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            await loop.connect_accepted_socket(lambda: self._make(leave), connection, ssl=self._context, **limits)
            inside = True
        except ssl.SSLError as error:
            log.warning("skip.tls_refused reason=%s", error.reason)
        except OSError:
            # It went, or took too long.
            pass
        finally:
            if not inside:
                leave()


async def _next(listening: socket.socket) -> socket.socket:
    while True:
        try:
            connection, _ = await asyncio.get_running_loop().sock_accept(listening)
        except OSError as error:
            # No file descriptors are left, or the caller has gone already.
            log.warning("skip.accept_failed: %s", type(error).__name__)
            await asyncio.sleep(_REST_SECONDS)
        else:
            return connection


def _listen(host: str, port: int) -> Sequence[socket.socket]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    places = dict.fromkeys((family, address[:2]) for family, _, _, _, address in found)
    listening = [socket.create_server(place, family=family, backlog=BACKLOG) for family, place in places]
    for each in listening:
        each.setblocking(False)
    return listening
