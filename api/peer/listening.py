"""The port that peers come to."""

import ssl

from api.peer.errors import PeerFaceMissingError
from api.tls.contexts import server_context
from api.tls.serving import Listener, certificate_names
from strongroom.settings import SkipSettings


def listener(skip: SkipSettings) -> Listener:
    """Return the port, with TLS 1.3 and certificates on both sides; raises PeerFaceMissingError and TlsFilesError."""
    face = skip.peer_face
    if face.certificate is None or face.key is None or face.peer_ca is None:
        raise PeerFaceMissingError(
            "[skip.peer_face] lacks a certificate, its key or the authority of peers.",
            next_step="Give certificate, key and peer_ca; `strongroom peers setup` makes them.",
        )
    context = server_context(face.certificate, face.key, face.peer_ca, ssl.TLSVersion.TLSv1_3)
    return Listener(face.host, face.port, context, certificate_names)
