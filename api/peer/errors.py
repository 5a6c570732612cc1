"""What keeps the face for peers from working."""

from strongroom.errors import InvalidInputError, UnavailableError


class NoncesAwayError(UnavailableError):
    """The Redis that remembers messages of peers does not answer, so no message is taken."""

    code = "api.nonces_away"


class NoncesMissingError(InvalidInputError):
    """No Redis is configured that could remember messages of peers."""

    code = "api.nonces_missing"


class PeerFaceMissingError(InvalidInputError):
    """The face for peers has no certificate, key or authority; it is never served without TLS."""

    code = "api.peer_face_missing"
