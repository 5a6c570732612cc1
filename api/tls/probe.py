"""`python -m api.tls.probe` opens connections with a pre-shared key to itself, and fails where this Python cannot.

What is called in OpenSSL rests on where CPython keeps its pointers. Were that to move, a call could end the process
without a word; so this runs in a process of its own before a face listens.
"""

import ctypes
import ssl
import subprocess
import sys
from collections.abc import Callable
from typing import Any

from api.errors import TlsUnsupportedError
from api.tls.openssl import OpenSslError, context_pointer, library, restrict_suites
from api.tls.psk import SUITES, PskListener, session_with

SECONDS = 30
_SESSION_CONTEXT = b"Python\0"
_NAME, _KEY = b"probe", bytes(range(32))

_UseSession = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_char_p),
    ctypes.POINTER(ctypes.c_size_t),
    ctypes.POINTER(ctypes.c_void_p),
)
_ClientPsk = ctypes.CFUNCTYPE(
    ctypes.c_uint,
    ctypes.c_void_p,
    ctypes.c_char_p,
    ctypes.c_void_p,
    ctypes.c_uint,
    ctypes.c_void_p,
    ctypes.c_uint,
)


def verify_tls() -> None:
    """Let a process of its own try what the faces need of OpenSSL; raises TlsUnsupportedError."""
    command = [sys.executable, "-m", "api.tls.probe"]
    tried = subprocess.run(command, capture_output=True, timeout=SECONDS, check=False)
    if tried.returncode != 0:
        raise TlsUnsupportedError(
            f"TLS with pre-shared keys does not work with Python {sys.version.split()[0]} and {ssl.OPENSSL_VERSION}.",
            next_step="Run this with the Python and OpenSSL that Strongroom was tested with.",
        )


def main() -> None:
    """Open a connection of either version; raises OpenSslError or ends badly where one fails."""
    for version in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
        listener = PskListener({_NAME.decode(): _KEY})
        context, callbacks = _client_context(version)
        server = _connect(listener.context, context)
        if listener.identity_on(server) != _NAME.decode():
            raise OpenSslError(f"nobody is known on a connection of {version.name}")
        del callbacks


def _connect(server_context: ssl.SSLContext, client_context: ssl.SSLContext) -> ssl.SSLObject:
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    server = server_context.wrap_bio(to_server, to_client, server_side=True)
    client = client_context.wrap_bio(to_client, to_server)
    done = {client: False, server: False}
    for _ in range(10):
        for side in done:
            done[side] = done[side] or _step(side.do_handshake)
    if not all(done.values()):
        raise OpenSslError("a handshake does not end")
    return server


def _step(handshake: Callable[[], None]) -> bool:
    try:
        handshake()
    except ssl.SSLWantReadError:
        return False
    return True


def _client_context(version: ssl.TLSVersion) -> tuple[ssl.SSLContext, tuple[Any, ...]]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    # Both sides prove that they have the key; there is no certificate to look at.
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = version
    context.set_ciphers(SUITES)
    restrict_suites(context)
    callbacks = (_UseSession(_offer_session), _ClientPsk(_offer_key))
    for name, callback in zip(
        ("SSL_CTX_set_psk_use_session_callback", "SSL_CTX_set_psk_client_callback"), callbacks, strict=True
    ):
        function = getattr(library(), name)
        function.restype, function.argtypes = None, [ctypes.c_void_p, type(callback)]
        function(context_pointer(context), callback)
    return context, callbacks


def _offer_session(connection: int, digest: int | None, identity: Any, length: Any, session: Any) -> int:
    made = session_with(connection, _KEY)
    set_context = library().SSL_SESSION_set1_id_context
    set_context.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_uint]
    # A client compares this with its own, which CPython sets for every context.
    set_context(made, _SESSION_CONTEXT, len(_SESSION_CONTEXT))
    identity[0], length[0], session[0] = _NAME, len(_NAME), made
    return 1


def _offer_key(connection: int, hint: bytes | None, identity: int, longest: int, key: int, most: int) -> int:
    ctypes.memmove(identity, _NAME + b"\0", len(_NAME) + 1)
    ctypes.memmove(key, _KEY, len(_KEY))
    return len(_KEY)


if __name__ == "__main__":
    main()
