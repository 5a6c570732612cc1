"""A key that people remember or a vault hands out: it wraps what is kept beside the data, as copies of key rings."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from strongroom.clock import RandomBytes, system_random
from strongroom.keyring.errors import PassphraseError, WrappedKeyFormatError, WrongKeyError
from strongroom.keyring.provider import WrappedKey
from strongroom.keyring.secret import SecretKey

LAYOUT = 1
SALT_BYTES = 16
NONCE_BYTES = 12
WRAPPED_BYTES = 4 + SALT_BYTES + NONCE_BYTES + 32 + 16
LEAST_CHARACTERS = 12
_LOG2_N, _R, _P = 15, 8, 1
_MOST_LOG2_N, _MOST_R, _MOST_P = 20, 16, 4
_DOMAIN = b"strongroom-passphrase 1"


@dataclass(frozen=True, slots=True)
class _Cost:
    """How dear a guess is: scrypt's parameters (RFC 7914); 32 MiB and about 50 ms as they are written now."""

    log2_n: int = _LOG2_N
    r: int = _R
    p: int = _P


class PassphraseKekProvider:
    """Wraps under a passphrase, by way of scrypt (RFC 7914) and AES-256-GCM.

    Wrapped key, 80 bytes: layout number 1 (1 byte), log2 of N (1), r (1), p (1), salt (16), nonce (12), sealed key
    (32), tag (16). Associated data: `strongroom-passphrase 1`, newline, the four first bytes, newline, context as JSON
    in UTF-8 with sorted keys and no spaces. Raises PassphraseError for one of fewer than 12 characters.
    """

    name = "passphrase"

    def __init__(self, passphrase: str, random: RandomBytes = system_random) -> None:
        if len(passphrase) < LEAST_CHARACTERS:
            raise PassphraseError(
                f"The passphrase has fewer than {LEAST_CHARACTERS} characters.",
                next_step="Choose a longer one, of several words or at random.",
            )
        self._passphrase = passphrase.encode()
        self._random = random

    def __repr__(self) -> str:
        return "PassphraseKekProvider(hidden)"

    def current_version(self) -> str:
        return "scrypt"

    def generate(self, context: Mapping[str, str]) -> tuple[SecretKey, WrappedKey]:
        key = SecretKey(self._random(32))
        return key, self.wrap(key, context)

    def wrap(self, key: SecretKey, context: Mapping[str, str]) -> WrappedKey:
        head = bytes((LAYOUT, _LOG2_N, _R, _P))
        salt, nonce = self._random(SALT_BYTES), self._random(NONCE_BYTES)
        sealed = self._cipher(salt, _Cost()).encrypt(nonce, key.reveal(), _associated_data(head, context))
        return WrappedKey(self.name, self.current_version(), head + salt + nonce + sealed)

    def unwrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> SecretKey:
        head, salt, nonce, sealed = _split(wrapped)
        try:
            opened = self._cipher(salt, _Cost(*head[1:])).decrypt(nonce, sealed, _associated_data(head, context))
        except InvalidTag:
            raise WrongKeyError(
                "The passphrase does not open this.", next_step="Use the passphrase it was sealed under."
            ) from None
        return SecretKey(opened)

    def rewrap(self, wrapped: WrappedKey, context: Mapping[str, str]) -> WrappedKey:
        return self.wrap(self.unwrap(wrapped, context), context)

    def _cipher(self, salt: bytes, cost: _Cost) -> AESGCM:
        return AESGCM(Scrypt(salt=salt, length=32, n=1 << cost.log2_n, r=cost.r, p=cost.p).derive(self._passphrase))


def _associated_data(head: bytes, context: Mapping[str, str]) -> bytes:
    canonical = json.dumps(dict(context), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return b"\n".join((_DOMAIN, head, canonical.encode()))


def _split(wrapped: WrappedKey) -> tuple[bytes, bytes, bytes, bytes]:
    body = wrapped.ciphertext
    if wrapped.provider != PassphraseKekProvider.name:
        raise WrongKeyError(
            f"This key was wrapped by {wrapped.provider[:64]!r}, not under a passphrase.",
            next_step="Open it with the key it was sealed under.",
        )
    # What a foreign hand writes must not cost more memory than a machine has.
    sensible = len(body) == WRAPPED_BYTES and body[0] == LAYOUT
    if not sensible or not (1 <= body[1] <= _MOST_LOG2_N and 1 <= body[2] <= _MOST_R and 1 <= body[3] <= _MOST_P):
        raise WrappedKeyFormatError(
            f"The wrapped key has {len(body)} bytes, or a layout or cost that is not known.",
            next_step="Take another copy; if it is the same there, update Strongroom.",
        )
    salted = 4 + SALT_BYTES
    return body[:4], body[4:salted], body[salted : salted + NONCE_BYTES], body[salted + NONCE_BYTES :]
