"""Why keys could not be sent to a peer, and what that says of where they are now."""

from strongroom.errors import InvalidInputError, NotAllowedError, UnavailableError


class WeakSecretError(InvalidInputError):
    """The secret shared with a peer is too short for the wire profile."""

    code = "keysync.weak_secret"


class NoSecretError(NotAllowedError):
    """There is no secret in force that is shared with the peer."""

    code = "keysync.no_secret"


class TlsMissingError(InvalidInputError):
    """Peers are spoken to by mutual TLS only, and a certificate, its key or the authority is missing."""

    code = "keysync.tls_missing"


class PeerRefusedError(NotAllowedError):
    """The peer took nothing of what it was sent; why stands in its log."""

    code = "keysync.peer_refused"


class PeerUnreachableError(UnavailableError):
    """The peer did not answer; what it has is unknown, so only the same may be sent again."""

    code = "keysync.peer_unreachable"


class PeerAnswerError(UnavailableError):
    """The peer's answer proves nothing; what it has is unknown, so only the same may be sent again."""

    code = "keysync.peer_answer"


class PeerBusyError(PeerAnswerError):
    """The peer cannot take anything now; the same may be sent again."""

    code = "keysync.peer_busy"
