"""The functions of OpenSSL that Python's `ssl` does not offer, called in the library that `ssl` itself is linked to.

CPython keeps the pointer to the `SSL_CTX` right after the header of a context, and the pointer to the `SSL` of a
connection after the header and one more pointer (Modules/_ssl.c, 3.11 to 3.14). Either face has `api.tls.probe` try
both in a process of its own before it relies on them.
"""

import _ssl
import ctypes
import ssl
import sys
from functools import cache

HIGHEST_GRADE = "TLS_AES_256_GCM_SHA384"
"""The one suite of TLS 1.3 that draft-cisco-skip-02 requires."""

TLS_1_3 = 0x0304
SUITE_ID = b"\x13\x02"

_POINTER = ctypes.sizeof(ctypes.c_void_p)
_SET_DH_AUTO = 118
"""SSL_CTRL_SET_DH_AUTO of ssl.h: parameters of RFC 7919 that fit the key."""
_SET_SESS_CACHE_MODE, _CACHE_OFF, _CACHE_SERVER = 44, 0, 2
"""SSL_CTRL_SET_SESS_CACHE_MODE of ssl.h, and two of its modes; it returns the mode there was."""

FindSession = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_void_p,
    ctypes.POINTER(ctypes.c_ubyte),
    ctypes.c_size_t,
    ctypes.POINTER(ctypes.c_void_p),
)
"""`SSL_psk_find_session_cb_func`: connection, identity and its length, where the session goes; 1 unless it failed."""

ServerPsk = ctypes.CFUNCTYPE(
    ctypes.c_uint, ctypes.c_void_p, ctypes.c_char_p, ctypes.POINTER(ctypes.c_ubyte), ctypes.c_uint
)
"""`SSL_psk_server_cb_func`: connection, identity, where the key goes and its most bytes; the key's length, or 0."""


class OpenSslError(Exception):
    """OpenSSL refused a call; the face that needed it does not start."""


@cache
def library() -> ctypes.CDLL:
    """Return the OpenSSL that Python's `ssl` uses, with the signatures of what is called here."""
    found = ctypes.CDLL(_ssl.__file__)
    context, pointer = ctypes.c_void_p, ctypes.c_void_p
    signatures: dict[str, tuple[object, list[object]]] = {
        "SSL_CTX_ctrl": (ctypes.c_long, [context, ctypes.c_int, ctypes.c_long, pointer]),
        "SSL_CTX_set_ciphersuites": (ctypes.c_int, [context, ctypes.c_char_p]),
        "SSL_CTX_set_psk_find_session_callback": (None, [context, FindSession]),
        "SSL_CTX_set_psk_server_callback": (None, [context, ServerPsk]),
        "SSL_CIPHER_find": (pointer, [pointer, ctypes.c_char_p]),
        "SSL_SESSION_new": (pointer, []),
        "SSL_SESSION_free": (None, [pointer]),
        "SSL_SESSION_set1_master_key": (ctypes.c_int, [pointer, ctypes.c_char_p, ctypes.c_size_t]),
        "SSL_SESSION_set_cipher": (ctypes.c_int, [pointer, pointer]),
        "SSL_SESSION_set_protocol_version": (ctypes.c_int, [pointer, ctypes.c_int]),
    }
    for name, (result, arguments) in signatures.items():
        function = getattr(found, name)
        function.restype, function.argtypes = result, arguments
    return found


def context_pointer(context: ssl.SSLContext) -> int:
    """Return the `SSL_CTX` of a context."""
    return _pointer_at(context, 0)


def connection_pointer(connection: ssl.SSLObject) -> int:
    """Return the `SSL` of a connection."""
    return _pointer_at(connection._sslobj, 1)  # type: ignore[attr-defined]  # the C object has no public name


def restrict_suites(context: ssl.SSLContext) -> None:
    """Leave one suite of TLS 1.3; raises OpenSslError where another is left."""
    library().SSL_CTX_set_ciphersuites(context_pointer(context), HIGHEST_GRADE.encode())
    left = {suite["name"] for suite in context.get_ciphers() if suite["protocol"] == "TLSv1.3"}
    if left != {HIGHEST_GRADE}:
        raise OpenSslError("the suites of TLS 1.3 cannot be chosen in this Python")


def allow_ephemeral(context: ssl.SSLContext) -> None:
    """Let a server offer finite-field Diffie-Hellman, which DHE-PSK needs."""
    require(library().SSL_CTX_ctrl(context_pointer(context), _SET_DH_AUTO, 1, None), "DH parameters")


def forget_sessions(context: ssl.SSLContext) -> None:
    """Have a server resume no session: switching tickets off leaves the sessions of TLS 1.2 that OpenSSL remembers.

    Raises OpenSslError where the context remembered nothing before, which says that it is not where we look.
    """
    before = library().SSL_CTX_ctrl(context_pointer(context), _SET_SESS_CACHE_MODE, _CACHE_OFF, None)
    if not before & _CACHE_SERVER:
        raise OpenSslError("the sessions of TLS 1.2 cannot be switched off in this Python")


def require(done: int, what: str) -> None:
    """Raise OpenSslError where a call did not return 1."""
    if done != 1:
        raise OpenSslError(f"OpenSSL refuses: {what}")


def _pointer_at(holder: object, place: int) -> int:
    if sys.implementation.name != "cpython":
        raise OpenSslError("this needs CPython")
    address = id(holder) + object.__basicsize__ + place * _POINTER
    return ctypes.c_void_p.from_address(address).value or 0
