"""What the face for encryptors itself refuses."""

from strongroom.errors import InvalidInputError, NotAllowedError, UnavailableError


class MalformedQuestionError(InvalidInputError):
    """A key id, a size or a remote system is missing, repeated or not written as it should be."""

    code = "api.malformed_question"


class EncryptorRefusedError(NotAllowedError):
    """The caller is no encryptor that may ask this."""

    code = "api.encryptor_refused"


class RateExceededError(UnavailableError):
    """An encryptor asks more often than the settings allow; the same question may be asked a second later."""

    code = "api.rate_exceeded"


class NoListenerError(InvalidInputError):
    """The settings give the face for encryptors no port to listen on."""

    code = "api.no_listener"


class WeakPskError(InvalidInputError):
    """A pre-shared key is too short, too long or not hex."""

    code = "api.weak_psk"
