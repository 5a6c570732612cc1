"""Connections to addresses that somebody wrote into the settings: where they may lead, and for how long.

The name is resolved once, every address is looked at, and the connection goes to the very address that was looked at;
so a name that answers differently the second time leads nowhere else. A timer closes the socket at the deadline, which
also ends a peer that sends a byte now and then.
"""

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network
from queue import Empty, Queue

from strongroom.alerts.errors import ChannelFailedError, ChannelForbiddenError
from strongroom.errors import StrongroomError
from strongroom.tracing import carried

IpAddress = IPv4Address | IPv6Address
NAT64 = IPv6Network("64:ff9b::/96")
COMPATIBLE = IPv6Network("::/96")
LOCAL = (IPv6Network("fec0::/10"), IPv6Network("64:ff9b:1::/48"))
"""Of one site (RFC 3879), and NAT64 of one network (RFC 8215): global in name only."""


@dataclass(frozen=True, slots=True)
class Place:
    """Whom to connect to: a name or an address, and a port."""

    host: str
    port: int


@dataclass(frozen=True, slots=True)
class Guard:
    """Which private networks may be spoken to; public addresses always may."""

    private_networks: Sequence[str] = ()

    def allows(self, address: str) -> bool:
        """Say whether an address may be connected to."""
        ip = _plain(ip_address(address.partition("%")[0]))
        if ip.is_global and not ip.is_multicast and not any(ip in network for network in LOCAL):
            return True
        networks = [ip_network(network) for network in self.private_networks]
        return any(ip.version == network.version and ip in network for network in networks)

    def verify(self, host: str, addresses: Sequence[str]) -> None:
        """Raise ChannelForbiddenError if an address of a host is not allowed; one among them is enough."""
        for address in addresses:
            if not self.allows(address):
                raise ChannelForbiddenError(
                    f"{host} is {address}, which is not a public address.",
                    next_step="If that is meant, list its network in `private_networks` of [alerts].",
                )


def _plain(ip: IpAddress) -> IpAddress:
    """Return the IPv4 address inside an IPv6 one, which leads to the same place.

    Mapped, compatible (both RFC 4291), 6to4, or NAT64 with the well-known prefix (RFC 6052).
    """
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64 or (ip in COMPATIBLE and int(ip) > 1):
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


@contextmanager
def connected(place: Place, *, guard: Guard | None = None, encrypted: bool, seconds: float) -> Iterator[socket.socket]:
    """Connect to a host, with TLS if wanted; all is cut when time is up, the resolver's work included.

    Raises ChannelFailedError, ChannelForbiddenError; what is done with the socket raises OSError when the time is up.
    """
    line = _Line(seconds)
    try:
        plain = line.connect(place, guard)
        yield _encrypted(plain, place.host) if encrypted else plain
        if line.is_over:
            raise ChannelFailedError(f"It took longer than {seconds:.0f} s.", next_step="See whether it works.")
    finally:
        line.close()


class _Line:
    """A connection with a timer that cuts it, whoever speaks over it by then: plain, encrypted, or a byte a minute."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._over = threading.Event()
        # Of its own descriptor, which stays when encrypting takes the other one over.
        self._handle: socket.socket | None = None
        self._timer = threading.Timer(seconds, self._end)
        self._timer.daemon = True
        self._timer.start()

    @property
    def is_over(self) -> bool:
        return self._over.is_set()

    def connect(self, place: Place, guard: Guard | None) -> socket.socket:
        answer: Queue[socket.socket | StrongroomError] = Queue()

        def ask() -> None:
            try:
                answer.put(self._reach(place, guard))
            except StrongroomError as error:
                answer.put(error)

        # Nothing ends a resolver that waits for its servers, so it is left behind with its thread.
        threading.Thread(target=carried(ask), name="connect", daemon=True).start()
        try:
            found = answer.get(timeout=self._seconds)
        except Empty:
            raise _nobody(f"nothing came back from {place.host} within {self._seconds:.0f} s") from None
        if isinstance(found, StrongroomError):
            raise found
        return found

    def close(self) -> None:
        self._timer.cancel()
        self._end()
        if self._handle is not None:
            self._handle.close()

    def _reach(self, place: Place, guard: Guard | None) -> socket.socket:
        """Connect to one of the host's addresses of each kind: a machine without IPv6 may be given one as well."""
        addresses = _resolve(place)
        if guard is not None:
            guard.verify(place.host, addresses)
        chosen: dict[bool, str] = {}
        for address in addresses:
            chosen.setdefault(":" in address, address)
        for address in chosen.values():
            try:
                plain = socket.create_connection((address, place.port), timeout=self._seconds / len(chosen))
            except OSError as error:
                fault = error
                continue
            return self._hold(plain)
        raise _nobody(_why(fault))

    def _hold(self, plain: socket.socket) -> socket.socket:
        plain.settimeout(self._seconds)
        self._handle = plain.dup()
        if self.is_over:
            self._cut()
        return plain

    def _end(self) -> None:
        self._over.set()
        self._cut()

    def _cut(self) -> None:
        # Shutting down wakes a thread that is reading; closing alone would not.
        with suppress(OSError):
            if self._handle is not None:
                self._handle.shutdown(socket.SHUT_RDWR)


def _resolve(place: Place) -> list[str]:
    try:
        found = socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        what = f"{place.host} has no address."
        raise ChannelFailedError(what, next_step="Check the name and the resolver.") from None
    return [str(entry[4][0]) for entry in found]


def _nobody(why: str) -> ChannelFailedError:
    return ChannelFailedError(f"Nobody answers: {why}.", next_step="Check the address.")


def _encrypted(plain: socket.socket, name: str) -> socket.socket:
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=name)
    except OSError as error:
        what = f"No encrypted connection: {_why(error)}."
        raise ChannelFailedError(what, next_step="Check its certificate.") from None


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
