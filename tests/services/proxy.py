"""A TCP proxy on loopback that misbehaves on demand, to stand between the code under test and any service."""

import asyncio
import enum
import socket
import struct
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.services.ports import LOOPBACK, ReservedPort

READ_BYTES = 64 * 1024
COMMAND_SECONDS = 10.0
RESET_ON_CLOSE = struct.pack("ii", 1, 0)


class Direction(enum.Enum):
    """Which half of a conversation a fault is about."""

    REQUESTS = "from the client to the server"
    ANSWERS = "from the server to the client"


@dataclass(frozen=True)
class Fault:
    """What happens to the bytes of a connection; the default is nothing."""

    swallow: bool = False
    swallow_answers: bool = False
    delay: float = 0.0
    cut_after: int | None = None
    cut_direction: Direction = Direction.ANSWERS
    cut_with_reset: bool = False


def _reset(writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET_ON_CLOSE)
    writer.transport.abort()


class _Connection:
    """One client's connection and the one to the server made for it."""

    def __init__(self, fault: Fault, client: asyncio.StreamWriter) -> None:
        self.fault = fault
        self.writers = [client]
        self._passed = dict.fromkeys(Direction, 0)

    async def pump(self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await self._pump(direction, reader, writer)
        except OSError:
            self.reset()

    async def _pump(self, direction: Direction, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(READ_BYTES):
            await asyncio.sleep(self.fault.delay)
            if self.fault.swallow or (self.fault.swallow_answers and direction is Direction.ANSWERS):
                continue
            allowed = self._allowed(direction, len(data))
            writer.write(data[:allowed])
            await writer.drain()
            self._passed[direction] += allowed
            if allowed < len(data):
                self.cut()
                return
        if not self.fault.swallow:
            writer.write_eof()

    def _allowed(self, direction: Direction, wanted: int) -> int:
        limit = self.fault.cut_after
        if limit is None or direction is not self.fault.cut_direction:
            return wanted
        return min(wanted, max(0, limit - self._passed[direction]))

    def cut(self) -> None:
        for writer in self.writers:
            if self.fault.cut_with_reset:
                _reset(writer)
            else:
                writer.close()

    def reset(self) -> None:
        for writer in self.writers:
            _reset(writer)


class TcpProxy:
    """Forwards connections to the server of a URL; `url` is the same URL through the proxy.

    Every method takes effect before it returns. The faults that concern open connections say so; all others apply to
    open and to new ones alike.
    """

    def __init__(self, target: str) -> None:
        parts = urlsplit(target)
        if parts.hostname is None or parts.port is None:
            raise ValueError(f"{target} has no host and port to forward to")
        self._target = (parts.hostname, parts.port)
        self._port = ReservedPort()
        user = f"{parts.netloc.rpartition('@')[0]}@" if "@" in parts.netloc else ""
        self.url = parts._replace(netloc=f"{user}{LOOPBACK}:{self.port}").geturl()
        self._fault = Fault()
        self._resetting = False
        self.accepted = 0
        """Connections that clients have made so far."""
        self._connections: set[_Connection] = set()
        self._listener: asyncio.Server | None = None
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="tcp-proxy", daemon=True)

    @property
    def port(self) -> int:
        """The port on loopback that clients connect to; the same for the proxy's whole life."""
        return self._port.number

    def forward(self) -> None:
        """Behave well again; connections that were swallowed or cut stay as they are."""
        self._do(self._change(Fault()))

    def delay(self, seconds: float) -> None:
        """Hold back every piece of data for so long, in both directions."""
        self._do(self._change(Fault(delay=seconds)))

    def cut_after(
        self, number_of_bytes: int, *, direction: Direction = Direction.ANSWERS, with_reset: bool = False
    ) -> None:
        """Close each connection once so many bytes have passed and more would follow."""
        self._do(self._change(Fault(cut_after=number_of_bytes, cut_direction=direction, cut_with_reset=with_reset)))

    def black_hole(self) -> None:
        """Accept everything and answer nothing, on open and on new connections."""
        self._do(self._change(Fault(swallow=True)))

    def lose_answers(self) -> None:
        """Let requests through and no answer, on open and on new connections."""
        self._do(self._change(Fault(swallow_answers=True)))

    def half_open(self) -> None:
        """Let the open connections die without a word to either side; new ones work."""
        self._do(self._freeze())

    def reset(self) -> None:
        """Answer open and new connections with RST."""
        self._do(self._reset_all())

    def refuse(self) -> None:
        """Stop listening, as a server that is down: open connections are reset, new ones refused."""
        self._do(self._stop_listening())

    def start(self) -> None:
        """Begin to listen."""
        self._thread.start()
        self._do(self._listen())

    def close(self) -> None:
        """Stop listening, end all connections and give the port back."""
        self._do(self._stop_listening())
        self._do(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._port.release()

    def _do(self, command: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(command, self._loop).result(COMMAND_SECONDS)

    async def _change(self, fault: Fault) -> None:
        self._fault, self._resetting = fault, False
        for connection in self._connections:
            connection.fault = connection.fault if connection.fault.swallow else fault
        await self._listen()

    async def _freeze(self) -> None:
        await self._change(Fault(swallow=True))
        self._fault = Fault()

    async def _reset_all(self) -> None:
        self._resetting = True
        for connection in self._connections:
            connection.reset()
        await self._listen()

    async def _listen(self) -> None:
        if self._listener is None:
            self._listener = await asyncio.start_server(self._serve, LOOPBACK, self.port, reuse_address=True)

    async def _stop_listening(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None
        for connection in self._connections:
            connection.reset()

    async def _finish(self) -> None:
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._resetting:
            _reset(writer)
            return
        self.accepted += 1
        connection = _Connection(self._fault, writer)
        self._connections.add(connection)
        try:
            with suppress(OSError):
                await self._converse(connection, reader, writer)
        finally:
            self._connections.discard(connection)
            for each in connection.writers:
                each.close()

    async def _converse(
        self, connection: _Connection, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        server_reader, server_writer = await asyncio.open_connection(*self._target)
        connection.writers.append(server_writer)
        await asyncio.gather(
            connection.pump(Direction.REQUESTS, reader, server_writer),
            connection.pump(Direction.ANSWERS, server_reader, writer),
        )


@contextmanager
def running_proxy(target: str) -> Iterator[TcpProxy]:
    """Run a proxy in front of the server of `target`, a URL with host and port."""
    proxy = TcpProxy(target)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.close()


@pytest.fixture
def tcp_proxy() -> Iterator[Callable[[str], TcpProxy]]:
    """A function that puts a proxy in front of the server of a URL, for one test."""
    with ExitStack() as stack:
        yield lambda target: stack.enter_context(running_proxy(target))
