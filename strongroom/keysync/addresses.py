"""Addresses of peers, looked up within a time: the resolver of the system knows none, and cannot be interrupted."""

import queue
import socket
import threading
from collections.abc import Callable, Sequence

import httpcore

from strongroom.tracing import carried

MOST_AT_ONCE = 8
"""Threads that may hang in the resolver; with more nobody is looked up until it answers."""

Lookup = Callable[[str, int], Sequence[str]]


def look_up(host: str, port: int) -> list[str]:
    """Return the addresses of a host, the best first; raises OSError."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Resolver:
    """Looks up hosts, each in a thread that is left behind where it takes too long; safe between threads."""

    def __init__(self, lookup: Lookup = look_up) -> None:
        self._lookup = lookup
        self._room = threading.BoundedSemaphore(MOST_AT_ONCE)

    def resolve(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """Return the addresses of a host; raises httpcore.ConnectTimeout and httpcore.ConnectError."""
        if not self._room.acquire(blocking=False):
            raise httpcore.ConnectTimeout("the resolver does not answer")
        said: queue.SimpleQueue[Sequence[str] | None] = queue.SimpleQueue()
        # A daemon, so that no process waits for the resolver when it ends.
        threading.Thread(target=carried(self._ask), args=(host, port, said), daemon=True).start()
        try:
            addresses = said.get(timeout=max(0.0, seconds))
        except queue.Empty:
            raise httpcore.ConnectTimeout("the resolver does not answer") from None
        if not addresses:
            raise httpcore.ConnectError("the host is not known")
        return addresses

    def _ask(self, host: str, port: int, said: "queue.SimpleQueue[Sequence[str] | None]") -> None:
        try:
            said.put(self._lookup(host, port))
        except (OSError, UnicodeError):
            said.put(None)
        finally:
            self._room.release()
