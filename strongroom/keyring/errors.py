"""What can go wrong with keys; no message ever carries key bytes."""

from strongroom.errors import (
    CannotDecryptError,
    IntegrityError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    StrongroomError,
    UnavailableError,
)


class WrongKeyError(CannotDecryptError):
    """The wrapped key was not made by this key version, or for this context."""

    code = "keyring.wrong_key"


class KeyVersionNotFoundError(NotFoundError):
    """The keyring has no such key, or no such version of it."""

    code = "keyring.version_not_found"


class KeyFileError(InvalidInputError):
    """The key file is missing, readable by others, or not a key file."""

    code = "keyring.key_file"


class RecoveryKeyError(InvalidInputError):
    """The file that was named holds no recovery key, or one that is misspelled."""

    code = "keyring.recovery_key"


class KeyProviderUnavailableError(UnavailableError):
    """The key management service did not answer."""

    code = "keyring.provider_unavailable"


class WrappedKeyFormatError(IntegrityError):
    """The wrapped key is cut short, too long, or of a layout this version does not know."""

    code = "keyring.wrapped_key_format"


class KeyDisabledError(NotAllowedError):
    """The key-encryption key is disabled or on its way to deletion."""

    code = "keyring.key_disabled"


class KeyProviderDeniedError(NotAllowedError):
    """The key management service refused the credentials or the operation."""

    code = "keyring.provider_denied"


class ClientMissingError(StrongroomError):
    """The library that talks to this key management service is not installed."""

    code = "keyring.client_missing"


class PassphraseError(InvalidInputError):
    """The passphrase is missing or too short to protect anything."""

    code = "keyring.passphrase"
