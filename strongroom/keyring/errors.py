"""What can go wrong with keys; no message ever carries key bytes."""

from strongroom.errors import CannotDecryptError, InvalidInputError, NotFoundError, UnavailableError


class WrongKeyError(CannotDecryptError):
    """The wrapped key was not made by this key version, or for this context."""

    code = "keyring.wrong_key"


class KeyVersionNotFoundError(NotFoundError):
    """The keyring has no such key version."""

    code = "keyring.version_not_found"


class KeyFileError(InvalidInputError):
    """The key file is missing, readable by others, or not a key file."""

    code = "keyring.key_file"


class KeyProviderUnavailableError(UnavailableError):
    """The key management service did not answer."""

    code = "keyring.provider_unavailable"
