"""The ports that encryptors come to: certificates on one, pre-shared keys on another."""

import ssl
from collections.abc import Mapping

from api.encryptor.errors import NoListenerError, WeakPskError
from api.tls.contexts import server_context
from api.tls.psk import LONGEST, SHORTEST, PskListener
from api.tls.serving import Listener, Names, certificate_names
from strongroom.settings import EncryptorSettings, SkipSettings


def listeners(skip: SkipSettings, env: Mapping[str, str]) -> list[Listener]:
    """Return what the settings ask for; raises NoListenerError, WeakPskError, NamedSecretError and TlsFilesError."""
    face = skip.encryptor_face
    found = []
    if face.certificate and face.key and face.client_ca:
        context = server_context(face.certificate, face.key, face.client_ca, ssl.TLSVersion.TLSv1_2)
        found.append(Listener(face.host, face.port, context, certificate_names))
    if face.plain_http:
        found.append(Listener(face.host, face.port, None))
    if face.psk_port is not None:
        found.append(_psk_listener(face.host, face.psk_port, skip, env))
    if not found:
        raise NoListenerError(
            "[skip.encryptor_face] says of no port how it is protected.",
            next_step="Give certificate, key and client_ca; `strongroom peers setup` makes them.",
        )
    return found


def _psk_listener(host: str, port: int, skip: SkipSettings, env: Mapping[str, str]) -> Listener:
    psk = PskListener({e.known_as: _key_of(e, env) for e in skip.encryptors.values() if e.psk.given})

    def naming(connection: ssl.SSLObject) -> Names:
        identity = psk.identity_on(connection)
        return frozenset() if identity is None else frozenset({f"PSK:{identity}"})

    return Listener(host, port, psk.context, naming)


def _key_of(encryptor: EncryptorSettings, env: Mapping[str, str]) -> bytes:
    text = encryptor.psk.read(env).get_secret_value()
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if not SHORTEST <= len(key) <= LONGEST:
        raise WeakPskError(
            f"The psk of the encryptor {encryptor.name} is not {2 * SHORTEST} to {2 * LONGEST} hex digits.",
            next_step="Make one with `openssl rand -hex 32`.",
        )
    return key
