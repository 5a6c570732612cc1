"""A KEK in the key file: data keys sealed with AES-256-GCM on this machine."""

import json
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from strongroom.clock import RandomBytes, system_random
from strongroom.keyring.errors import WrappedKeyFormatError, WrongKeyError
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.provider import WrappedKey
from strongroom.keyring.secret import SecretKey

LAYOUT = 1
NONCE_BYTES = 12
WRAPPED_BYTES = 1 + NONCE_BYTES + 32 + 16


class LocalKekProvider:
    """Wraps under one named KEK of a key file.

    Wrapped key, 61 bytes: layout number 1 (1 byte), random nonce (12), sealed key (32), tag (16). Associated data:
    `strongroom-local-kek 1`, newline, KEK version, newline, context as JSON in UTF-8 with sorted keys and no spaces.
    """

    name = "local"

    def __init__(self, key_file: KeyFile, name: str, random: RandomBytes = system_random) -> None:
        self._key_file = key_file
        self._kek_name = name
        self._random = random

    def current_version(self) -> str:
        return self._key_file.current_version(self._kek_name)

    def generate(self, context: Mapping[str, str]) -> tuple[SecretKey, WrappedKey]:
        key = SecretKey(self._random(32))
        return key, self.wrap(key, context)

    def wrap(self, key: SecretKey, context: Mapping[str, str]) -> WrappedKey:
        version = self.current_version()
        nonce = self._random(NONCE_BYTES)
        sealed = self._cipher(version).encrypt(nonce, key.reveal(), _associated_data(version, context))
        return WrappedKey(self.name, version, bytes([LAYOUT]) + nonce + sealed)

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> SecretKey:
        nonce, sealed = _split(wrapped)
        cipher = self._cipher(wrapped.version)
        try:
            return SecretKey(cipher.decrypt(nonce, sealed, _associated_data(wrapped.version, context)))
        except InvalidTag:
            raise WrongKeyError(
                f"Version {wrapped.version} of key {self._kek_name!r} does not open this wrapped key.",
                next_step="Use the key file the backup was made with, and check that the region names the right key.",
            ) from None

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        return self.wrap(self.unwrap(wrapped, context), context)

    def _cipher(self, version: str) -> AESGCM:
        return AESGCM(self._key_file.get_key(self._kek_name, version).reveal())


def _associated_data(version: str, context: Mapping[str, str]) -> bytes:
    canonical = json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return f"strongroom-local-kek {LAYOUT}\n{version}\n{canonical}".encode()


def _split(wrapped: WrappedKey) -> tuple[bytes, bytes]:
    if wrapped.provider != LocalKekProvider.name:
        raise WrongKeyError(
            f"This key was wrapped by {wrapped.provider[:64]!r}, not by a key file.",
            next_step="Set the provider of the region's key to the one the backup was made with.",
        )
    layout, nonce, sealed = (
        wrapped.ciphertext[:1],
        wrapped.ciphertext[1 : 1 + NONCE_BYTES],
        wrapped.ciphertext[1 + NONCE_BYTES :],
    )
    if len(wrapped.ciphertext) != WRAPPED_BYTES or layout != bytes([LAYOUT]):
        raise WrappedKeyFormatError(
            f"The wrapped key has {len(wrapped.ciphertext)} bytes, or a layout other than {LAYOUT}.",
            next_step="Take the key slot from another region; if it is the same there, update Strongroom.",
        )
    return nonce, sealed
