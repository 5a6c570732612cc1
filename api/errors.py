"""What the HTTP edge itself refuses."""

from strongroom.errors import InvalidInputError, NotFoundError, StrongroomError


class InvalidRequestError(InvalidInputError):
    """The request is not as the API expects it; `errors` names the places that are wrong."""

    code = "api.invalid_request"


class UnreadableRequestError(InvalidInputError):
    """The request could not be read at all."""

    code = "api.unreadable_request"


class BodyTooLargeError(InvalidInputError):
    """The body of the request is larger than the API takes."""

    code = "api.body_too_large"


class NoSuchPathError(NotFoundError):
    """The API has no such path."""

    code = "api.no_such_path"


class NoSuchMethodError(InvalidInputError):
    """The path is there, but not with this method."""

    code = "api.no_such_method"


class ServerFailedError(StrongroomError):
    """The server failed in a way nobody foresaw; its log has the details."""

    code = "api.unexpected"


class TlsUnsupportedError(StrongroomError):
    """This Python or its OpenSSL cannot do what the faces of the key provider need; nothing is listened on."""

    code = "api.tls_unsupported"


class TlsFilesError(StrongroomError):
    """A certificate, its key or an authority that a face of the key provider needs cannot be used."""

    code = "api.tls_files"
