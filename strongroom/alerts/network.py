"""Connections to addresses that somebody wrote into the settings: where they may lead, and for how long.

The name is resolved once, every address is looked at, and the connection goes to the very address that was looked at;
so a name that answers differently the second time leads nowhere else. A timer closes the socket at the deadline, which
also ends a peer that sends a byte now and then.
"""

import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

from strongroom.alerts.errors import ChannelFailedError, ChannelForbiddenError

IpAddress = IPv4Address | IPv6Address


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

    def choose(self, host: str, port: int) -> tuple[str, int]:
        """Resolve a host and return the first address; raises ChannelFailedError, ChannelForbiddenError."""
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
        return addresses[0], port


def _plain(ip: IpAddress) -> IpAddress:
    """Return the IPv4 address inside an IPv6 one, which leads to the same place."""
    inside = ip.ipv4_mapped or ip.sixtofour if isinstance(ip, IPv6Address) else None
    return inside or ip


@contextmanager
def connected(place: tuple[str, int], *, name: str | None, seconds: float) -> Iterator[socket.socket]:
    """Connect to an address, with TLS if a name to verify is given, and close the connection when the time is up.

    Raises ChannelFailedError; what is done with the socket raises OSError when the time is up.
    """
    try:
        plain = socket.create_connection(place, timeout=seconds)
    except OSError as error:
        raise ChannelFailedError(f"Nobody answers: {_why(error)}.", next_step="Check the address.") from None
    # Encrypting a socket takes its descriptor over, so what is to be cut changes.
    current = [plain]
    timer = threading.Timer(seconds, lambda: _cut(current[-1]))
    timer.daemon = True
    timer.start()
    try:
        if name is not None:
            current.append(_encrypted(plain, name))
        yield current[-1]
        if timer.finished.is_set():
            raise ChannelFailedError(f"It took longer than {seconds:.0f} s.", next_step="See whether it works.")
    finally:
        timer.cancel()
        current[-1].close()


def _encrypted(plain: socket.socket, name: str) -> socket.socket:
    try:
        return ssl.create_default_context().wrap_socket(plain, server_hostname=name)
    except OSError as error:
        what = f"No encrypted connection: {_why(error)}."
        raise ChannelFailedError(what, next_step="Check its certificate.") from None


def _cut(connection: socket.socket) -> None:
    # Shutting down wakes a thread that is reading; closing alone would not.
    try:
        connection.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _why(error: OSError) -> str:
    return error.strerror or str(error) or type(error).__name__
