"""HTTPS to peers: TLS 1.3, both sides with a certificate of the providers' own authority, connections kept open."""

import ssl
import threading
from collections.abc import Callable

import httpcore

from strongroom.clock import Clock
from strongroom.keysync.addresses import Resolver
from strongroom.keysync.deadlines import Deadline, DeadlineBackend
from strongroom.keysync.identities import find_provider
from strongroom.keysync.letters import LARGEST_BODY
from strongroom.keysync.wire_errors import PeerUnreachableError, TlsMissingError
from strongroom.keysync.wires import Wire, WireAnswer
from strongroom.settings import PeerFaceSettings, PeerSettings

PATH = "/sync"
CONNECTIONS = 8
"""Open at most to one peer, and kept."""
KEPT_OPEN_SECONDS = 30.0
_FAILURES = (
    httpcore.TimeoutException,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.UnsupportedProtocol,
    httpcore.ConnectionNotAvailable,
)


class HttpWire:
    """The way to one peer over HTTPS; who answers is told by the URI in its certificate."""

    def __init__(
        self, peer: PeerSettings, context: ssl.SSLContext, clock: Clock, resolver: Resolver | None = None
    ) -> None:
        self._peer = peer.known_as
        self._url = peer.url.rstrip("/") + PATH
        self._deadline = Deadline(clock.monotonic)
        # It asks no environment for a proxy, which would see who speaks to whom, and may send a request twice.
        self._pool = httpcore.ConnectionPool(
            ssl_context=context,
            max_connections=CONNECTIONS,
            max_keepalive_connections=CONNECTIONS,
            keepalive_expiry=KEPT_OPEN_SECONDS,
            network_backend=DeadlineBackend(self._deadline, resolver or Resolver()),
        )

    def post(self, body: bytes, timeout_seconds: float) -> WireAnswer:
        """Send a message and return the answer, all within the time; raises PeerUnreachableError."""
        headers = [("Content-Type", "application/json")]
        # For a free connection; the rest is up to the deadline.
        waiting = {"timeout": {"pool": timeout_seconds}}
        try:
            with (
                self._deadline.ends_in(timeout_seconds),
                self._pool.stream("POST", self._url, headers=headers, content=body, extensions=waiting) as response,
            ):
                self._verify(response)
                return WireAnswer(response.status, _read(response))
        except _FAILURES as error:
            raise self._unreachable(type(error).__name__) from None

    def close(self) -> None:
        """Close the connections."""
        self._pool.close()

    def _verify(self, response: httpcore.Response) -> None:
        tls = response.extensions["network_stream"].get_extra_info("ssl_object")
        names = tls.getpeercert().get("subjectAltName", ())
        if find_provider(text for kind, text in names if kind == "URI") != self._peer:
            raise self._unreachable("the certificate there is not the peer's")

    def _unreachable(self, why: str) -> PeerUnreachableError:
        return PeerUnreachableError(
            f"The peer {self._peer} did not answer ({why}).", next_step="Check its address, its process and its log."
        )


class Wires:
    """The ways to all peers, each opened on first use and kept; make it after a fork, never before."""

    def __init__(self, face: PeerFaceSettings, find_peer: Callable[[str], PeerSettings], clock: Clock) -> None:
        self._face = face
        self._find_peer = find_peer
        self._clock = clock
        self._lock = threading.Lock()
        self._open: dict[str, HttpWire] = {}
        self._context: ssl.SSLContext | None = None

    def __call__(self, system_id: str) -> Wire:
        """Return the way to a peer; raises UnknownPeerError and TlsMissingError."""
        with self._lock:
            if system_id not in self._open:
                self._context = self._context or client_context(self._face)
                self._open[system_id] = HttpWire(self._find_peer(system_id), self._context, self._clock)
            return self._open[system_id]

    def close(self) -> None:
        """Close all connections."""
        with self._lock:
            while self._open:
                self._open.popitem()[1].close()


def client_context(face: PeerFaceSettings) -> ssl.SSLContext:
    """Return how we show ourselves to peers and know them; raises TlsMissingError."""
    if face.peer_ca is None:
        raise _missing()
    context = ssl.create_default_context(ssl.Purpose.SERVER_AUTH, cafile=str(face.peer_ca))
    return _with_certificate(context, face)


def _with_certificate(context: ssl.SSLContext, face: PeerFaceSettings) -> ssl.SSLContext:
    if face.certificate is None or face.key is None:
        raise _missing()
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    try:
        context.load_cert_chain(face.certificate, face.key)
    except (ssl.SSLError, OSError) as error:
        raise TlsMissingError(
            f"The certificate {face.certificate} and its key cannot be used ({type(error).__name__}).",
            next_step="Both are PEM files that belong together; `strongroom peers setup` makes them.",
        ) from None
    return context


def _read(response: httpcore.Response) -> bytes:
    body = b""
    for part in response.iter_stream():
        body += part
        if len(body) > LARGEST_BODY:
            raise httpcore.RemoteProtocolError("longer than any answer")
    return body


def _missing() -> TlsMissingError:
    return TlsMissingError(
        "The face for peers lacks a certificate, its key or its authority.",
        next_step="Set `certificate`, `key` and `peer_ca` in [skip.peer_face]; `strongroom peers setup` makes them.",
    )
