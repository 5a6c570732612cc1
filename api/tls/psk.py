"""A TLS listener for pre-shared keys: TLS 1.2 with DHE-PSK, and TLS 1.3 with external PSKs bound to SHA-384.

OpenSSL's plain PSK callback ties a key to SHA-256 in TLS 1.3, which leaves no suite that draft-cisco-skip-02 requires.
The callback for sessions may name the suite, so TLS 1.3 goes that way and TLS 1.2 goes the other. The callbacks that
Python has since 3.13 are the plain ones.
"""

import ctypes
import logging
import ssl
from collections.abc import Mapping
from typing import Any

from api.tls.openssl import (
    SUITE_ID,
    TLS_1_3,
    FindSession,
    OpenSslError,
    ServerPsk,
    allow_ephemeral,
    connection_pointer,
    context_pointer,
    forget_sessions,
    library,
    require,
    restrict_suites,
)

log = logging.getLogger(__name__)

SUITES = "DHE-PSK-AES256-GCM-SHA384:DHE-PSK-AES256-CBC-SHA384:DHE-PSK-AES256-CBC-SHA"
SHORTEST, LONGEST = 32, 256
"""Bytes of a pre-shared key; OpenSSL takes no longer ones."""

_MOST_PENDING = 4096
_NOT_TAKEN = 0


class PskListener:
    """The TLS context for a set of keys, and who is on each of its connections.

    Keys are held as long as the process lives: OpenSSL asks for them at each handshake.
    """

    def __init__(self, keys: Mapping[str, bytes]) -> None:
        self._keys = {identity.encode(): key for identity, key in keys.items()}
        self._claimed: dict[int, str] = {}
        # OpenSSL keeps the address of these only; they have to live as long as the context.
        self._callbacks = (FindSession(self._find_session), ServerPsk(self._tell_key))
        self.context = self._make_context()

    def identity_on(self, connection: ssl.SSLObject) -> str | None:
        """Return whose key opened a connection after its handshake, or None; may be asked once."""
        claimed = self._claimed.pop(connection_pointer(connection), None)
        suite = connection.cipher()
        if claimed is None or suite is None:
            return None
        # In TLS 1.3 a PSK counts as a session that is resumed; in TLS 1.2 the suite says that it was used.
        used = connection.session_reused if connection.version() == "TLSv1.3" else "PSK" in suite[0]
        return claimed if used else None

    def _make_context(self) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.set_ciphers(SUITES)
        context.num_tickets = 0
        context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
        restrict_suites(context)
        forget_sessions(context)
        allow_ephemeral(context)
        find_session, tell_key = self._callbacks
        library().SSL_CTX_set_psk_find_session_callback(context_pointer(context), find_session)
        library().SSL_CTX_set_psk_server_callback(context_pointer(context), tell_key)
        return context

    def _find_session(self, connection: int, identity: Any, length: int, session: Any) -> int:
        session[0] = None
        name = ctypes.string_at(identity, length)
        key = self._keys.get(name)
        if key is None:
            log.warning("skip.psk.unknown")
            return 1
        try:
            session[0] = session_with(connection, key)
        except OpenSslError as error:
            log.critical("skip.psk.failed: %s", error)
            return 0
        self._claim(connection, name)
        return 1

    def _tell_key(self, connection: int, identity: bytes | None, place: Any, most: int) -> int:
        key = self._keys.get(identity or b"")
        if key is None or len(key) > most:
            log.warning("skip.psk.unknown")
            return _NOT_TAKEN
        ctypes.memmove(place, key, len(key))
        self._claim(connection, identity or b"")
        return len(key)

    def _claim(self, connection: int, name: bytes) -> None:
        # An address comes again after a handshake that failed; its new claim is the youngest.
        self._claimed.pop(connection, None)
        # Handshakes that fail after this point never ask; the oldest go first.
        while len(self._claimed) >= _MOST_PENDING:
            self._claimed.pop(next(iter(self._claimed)), None)
        self._claimed[connection] = name.decode()


def session_with(connection: int, key: bytes) -> int:
    """Make the session that stands for a key in TLS 1.3, under the one suite there is."""
    ssl_library = library()
    session: int = ssl_library.SSL_SESSION_new()
    try:
        suite = ssl_library.SSL_CIPHER_find(connection, SUITE_ID)
        require(ssl_library.SSL_SESSION_set1_master_key(session, key, len(key)), "the key")
        require(ssl_library.SSL_SESSION_set_cipher(session, suite), "the suite")
        require(ssl_library.SSL_SESSION_set_protocol_version(session, TLS_1_3), "the version")
    except OpenSslError:
        ssl_library.SSL_SESSION_free(session)
        raise
    return session
