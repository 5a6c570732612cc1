"""Free ports on loopback that nobody else can be given before the server listens."""

import socket
from dataclasses import dataclass, field

LOOPBACK = "127.0.0.1"


def _reserve() -> socket.socket:
    reservation = socket.socket()
    reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    reservation.bind((LOOPBACK, 0))
    return reservation


@dataclass(frozen=True)
class ReservedPort:
    """A port held by a bound socket that never listens.

    Linux gives such a port to nobody who asks for "any port", in any process, while a server that names it and sets
    SO_REUSEADDR may listen on it. So there is no moment at which a parallel test can take it.
    """

    reservation: socket.socket = field(default_factory=_reserve)

    @property
    def number(self) -> int:
        """Return the port number."""
        port: int = self.reservation.getsockname()[1]
        return port

    def release(self) -> None:
        """Give the port back."""
        self.reservation.close()
