"""The contract of whatever holds a key-encryption key (KEK): a key file, AWS KMS, and others later."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from strongroom.keyring.secret import SecretKey


@dataclass(frozen=True, slots=True)
class WrappedKey:
    """A data key sealed under one KEK version; safe to store anywhere.

    `version` names the KEK version inside its provider (`v1`, or a KMS key id); made of `[A-Za-z0-9_-]`, 64 at most.
    """

    provider: str
    version: str
    ciphertext: bytes


class KekProvider(Protocol):
    """Wraps 32-byte keys; the KEK itself never leaves the provider.

    The context (str to str) is authenticated: unwrapping with another context raises WrongKeyError.
    Every method may raise KeyProviderUnavailableError (retry helps), KeyProviderDeniedError, KeyDisabledError and,
    where there is a key file, KeyFileError.
    """

    name: str

    def current_version(self) -> str:
        """Return the KEK version that wrap uses now."""

    def generate(self, context: Mapping[str, str]) -> tuple[SecretKey, WrappedKey]:
        """Make a fresh data key and its wrapped form."""

    def wrap(self, key: SecretKey, context: Mapping[str, str]) -> WrappedKey:
        """Seal a data key under the current KEK version."""

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> SecretKey:
        """Open a wrapped key; raises WrongKeyError, KeyVersionNotFoundError or WrappedKeyFormatError."""

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        """Move a wrapped key to the current KEK version without showing the key where the provider can."""
