"""Encryptors with a pre-shared key that others wrote: `openssl s_client` in TLS 1.2, tlslite-ng in TLS 1.3."""

import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from tlslite.api import HandshakeSettings, TLSConnection  # type: ignore[import-untyped]  # it ships no types

from tests.services.ports import LOOPBACK


@dataclass(frozen=True)
class PskClient:
    """Sends one request, as bytes, to a port and returns what comes back until the connection ends."""

    port: int
    identity: str
    psk: bytes

    def ask_in_1_2(self, request: bytes, suite: str, options: Sequence[str] = ()) -> bytes:
        """Ask with a suite of TLS 1.2, in OpenSSL's spelling; nothing comes back where the handshake fails."""
        command = ["openssl", "s_client", "-quiet", "-connect", f"{LOOPBACK}:{self.port}", "-tls1_2", "-cipher", suite]
        command += ["-psk_identity", self.identity, "-psk", self.psk.hex(), "-ign_eof", *options]
        return subprocess.run(command, input=request, capture_output=True, timeout=20, check=False).stdout

    def ask_in_1_3(self, request: bytes, digest: str = "sha384") -> tuple[int, bytes]:
        """Ask with the key tied to a digest; return the suite as well. Raises BaseTLSException and OSError."""
        with socket.create_connection((LOOPBACK, self.port), timeout=10) as plain:
            connection = TLSConnection(plain)
            settings = HandshakeSettings()
            settings.pskConfigs = [(self.identity.encode(), self.psk, digest)]
            settings.minVersion = settings.maxVersion = (3, 4)
            connection.handshakeClientCert(settings=settings)
            connection.sendall(request)
            received = b""
            while piece := connection.recv(4096):
                received += piece
            return connection.session.cipherSuite, received
