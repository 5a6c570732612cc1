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

from strongroom.alerts.errors import ChannelFailedError, ChannelForbiddenError

IpAddress = IPv4Address | IPv6Address
NAT64 = IPv6Network("64:ff9b::/96")


@dataclass(frozen=True, slots=True)
class Guard:
    """Which private networks may be spoken to; public addresses always may."""

    private_networks: Sequence[str] = ()

    def allows(self, address: str) -> bool:
        """Say whether an address may be connected to."""
        ip = _plain(ip_address(address.partition("%")[0]))
        if ip.is_global and not ip.is_multicast:
            return True
        networks = [ip_network(network) for network in self.private_networks]
        return any(ip.version == network.version and ip in network for network in networks)

    def choose(self, host: str, port: int) -> list[tuple[str, int]]:
        """Resolve a host and return up to two addresses to try; raises ChannelFailedError, ChannelForbiddenError.

        One that is not allowed among them is enough to refuse the host.
        """
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            raise ChannelFailedError(f"{host} has no address.", next_step="Check the name and the resolver.") from None
        addresses = [str(entry[4][0]) for entry in found]
        for address in addresses:
            if not self.allows(address):
                raise ChannelForbiddenError(
                    f"{host} is {address}, which is not a public address.",
                    next_step="If that is meant, list its network in `private_networks` of [alerts].",
                )
        # One of each kind where there are both: a machine without IPv6 may still be given such an address.
        kinds = {":" in address: address for address in reversed(addresses)}
        return [(address, port) for address in dict.fromkeys([addresses[0], *kinds.values()])]


def _plain(ip: IpAddress) -> IpAddress:
    """Return the IPv4 address inside an IPv6 one, which leads to the same place: mapped, 6to4 or NAT64 (RFC 6052)."""
    if isinstance(ip, IPv4Address):
        return ip
    if ip in NAT64:
        return IPv4Address(int(ip) & 0xFFFF_FFFF)
    return ip.ipv4_mapped or ip.sixtofour or ip


@contextmanager
def connected(places: Sequence[tuple[str, int]], *, name: str | None, seconds: float) -> Iterator[socket.socket]:
    """Connect to the first address that answers, with TLS if a name to verify is given; all is cut when time is up.

    Raises ChannelFailedError; what is done with the socket raises OSError when the time is up.
    """
    line = _Line(seconds)
    try:
        plain = line.connect(places)
        yield plain if name is None else _encrypted(plain, name)
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

    def connect(self, places: Sequence[tuple[str, int]]) -> socket.socket:
        for number, place in enumerate(places, start=1):
            try:
                plain = socket.create_connection(place, timeout=self._seconds / len(places))
            except OSError as error:
                if number < len(places):
                    continue
                raise ChannelFailedError(f"Nobody answers: {_why(error)}.", next_step="Check the address.") from None
            self._handle = plain.dup()
            plain.settimeout(self._seconds)
            return plain
        raise ChannelFailedError("There is no address to connect to.", next_step="Check the address.")

    def close(self) -> None:
        self._timer.cancel()
        if self._handle is not None:
            self._cut()
            self._handle.close()

    def _end(self) -> None:
        self._over.set()
        self._cut()

    def _cut(self) -> None:
        # Shutting down wakes a thread that is reading; closing alone would not.
        with suppress(OSError):
            if self._handle is not None:
                self._handle.shutdown(socket.SHUT_RDWR)


def _encrypted(plain: socket.socket, name: str) -> socket.socket:
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=name)
    except OSError as error:
        what = f"No encrypted connection: {_why(error)}."
        raise ChannelFailedError(what, next_step="Check its certificate.") from None


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
