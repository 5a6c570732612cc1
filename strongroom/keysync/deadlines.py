"""Connections whose every read, write and connect ends at one moment, however slowly the other side goes on."""

import ssl
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import httpcore

from strongroom.keysync.addresses import Resolver

PIECE = 16 * 1024
"""Bytes that are written at once: a record of TLS."""


class Deadline:
    """When the exchange of this thread ends; a timeout of a socket begins anew with every byte that comes."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._thread = threading.local()

    @contextmanager
    def ends_in(self, seconds: float) -> Iterator[None]:
        """Have what this thread does meanwhile end after some seconds."""
        self._thread.until = self._monotonic() + seconds
        try:
            yield
        finally:
            del self._thread.until

    def left(self) -> float:
        """Return the seconds that are left; raises httpcore.ReadTimeout."""
        left: float = self._thread.until - self._monotonic()
        if left <= 0:
            raise httpcore.ReadTimeout("the time is over")
        return left


class DeadlineBackend(httpcore.NetworkBackend):
    """Opens connections of TCP that keep a deadline, in which the host is looked up too."""

    def __init__(self, deadline: Deadline, resolver: Resolver) -> None:
        self._deadline = deadline
        self._resolver = resolver
        self._sockets = httpcore.SyncBackend()

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect in the time that is left, to the first address of the host that answers."""
        failure: Exception = httpcore.ConnectError("the host is not known")
        for address in self._resolver.resolve(host, port, self._deadline.left()):
            try:
                opened = self._sockets.connect_tcp(address, port, self._deadline.left(), local_address, socket_options)
            except (httpcore.ConnectError, httpcore.ConnectTimeout) as error:
                failure = error
                continue
            return _Stream(opened, self._deadline)
        raise failure


class _Stream(httpcore.NetworkStream):
    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._deadline.left())

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        for start in range(0, len(buffer), PIECE):
            self._inner.write(buffer[start : start + PIECE], self._deadline.left())

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        secured = self._inner.start_tls(ssl_context, server_hostname, self._deadline.left())
        return _Stream(secured, self._deadline)

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)
