"""A key that is kept on paper: every machine can wrap to its public half, and only the paper opens what was wrapped."""

import hashlib
import json
from collections.abc import Mapping
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from strongroom.clock import RandomBytes, system_random
from strongroom.keyring.errors import KeyVersionNotFoundError, WrappedKeyFormatError, WrongKeyError
from strongroom.keyring.provider import WrappedKey
from strongroom.keyring.secret import SecretKey

LAYOUT = 1
PUBLIC_BYTES = 32
WRAPPED_BYTES = 1 + PUBLIC_BYTES + 32 + 16
_INFO = b"strongroom-recovery-key 1"
_NONCE = bytes(12)


class RecoveryKekProvider:
    """Wraps to an X25519 public key (RFC 7748); unwraps where the private key is at hand.

    Wrapped key, 81 bytes: layout number 1 (1 byte), ephemeral public key (32), sealed key (32), tag (16). Sealed with
    AES-256-GCM, nonce zero, under a key used once: HKDF-SHA256 (RFC 5869) of the X25519 secret, salt = ephemeral +
    recipient's public key, info = `strongroom-recovery-key 1`. Associated data: that text, newline, version, newline,
    context as JSON in UTF-8 with sorted keys and no spaces. The version is the key's id: the first 16 hexadecimal
    digits of the SHA-256 of the public key.
    """

    name = "recovery"

    def __init__(self, public: bytes, private: SecretKey | None = None, random: RandomBytes = system_random) -> None:
        self.public = public
        self._private = private
        self._random = random

    @classmethod
    def of(cls, private: SecretKey, random: RandomBytes = system_random) -> Self:
        """Make the provider that can also unwrap, from the 32 bytes on paper."""
        public = X25519PrivateKey.from_private_bytes(private.reveal()).public_key().public_bytes_raw()
        return cls(public, private, random)

    def current_version(self) -> str:
        return hashlib.sha256(self.public).hexdigest()[:16]

    def generate(self, context: Mapping[str, str]) -> tuple[SecretKey, WrappedKey]:
        key = SecretKey(self._random(32))
        return key, self.wrap(key, context)

    def wrap(self, key: SecretKey, context: Mapping[str, str]) -> WrappedKey:
        ephemeral = X25519PrivateKey.from_private_bytes(self._random(32))
        public = ephemeral.public_key().public_bytes_raw()
        cipher = self._cipher(ephemeral.exchange(X25519PublicKey.from_public_bytes(self.public)), public)
        version = self.current_version()
        sealed = cipher.encrypt(_NONCE, key.reveal(), _associated_data(version, context))
        return WrappedKey(self.name, version, bytes([LAYOUT]) + public + sealed)

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> SecretKey:
        public, sealed = self._split(wrapped)
        if self._private is None:
            raise self._refused("The private half of the recovery key is not on this machine.")
        private = X25519PrivateKey.from_private_bytes(self._private.reveal())
        try:
            # A public key of small order gives no secret, and is a ValueError.
            cipher = self._cipher(private.exchange(X25519PublicKey.from_public_bytes(public)), public)
            return SecretKey(cipher.decrypt(_NONCE, sealed, _associated_data(wrapped.version, context)))
        except (InvalidTag, ValueError):
            raise self._refused("The recovery key does not open this wrapped key.") from None

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        return self.wrap(self.unwrap(wrapped, context), context)

    def _cipher(self, shared: bytes, ephemeral: bytes) -> AESGCM:
        return AESGCM(HKDF(algorithm=SHA256(), length=32, salt=ephemeral + self.public, info=_INFO).derive(shared))

    def _split(self, wrapped: WrappedKey) -> tuple[bytes, bytes]:
        if wrapped.provider != self.name:
            raise self._refused(f"This key was wrapped by {wrapped.provider[:64]!r}, not to a recovery key.")
        if wrapped.version != self.current_version():
            raise KeyVersionNotFoundError(
                f"This key was wrapped to the recovery key {wrapped.version[:64]!r}, not {self.current_version()}.",
                next_step="Use the recovery kit that names this key.",
            )
        body = wrapped.ciphertext
        if len(body) != WRAPPED_BYTES or body[0] != LAYOUT:
            raise WrappedKeyFormatError(
                f"The wrapped key has {len(body)} bytes, or a layout other than {LAYOUT}.",
                next_step="Take the key slot from another region; if it is the same there, update Strongroom.",
            )
        return body[1 : 1 + PUBLIC_BYTES], body[1 + PUBLIC_BYTES :]

    def _refused(self, what: str) -> WrongKeyError:
        return WrongKeyError(what, next_step="Use the recovery kit that was made for this repository.")


def _associated_data(version: str, context: Mapping[str, str]) -> bytes:
    canonical = json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return b"\n".join((_INFO, version.encode(), canonical.encode()))
