"""Epochs: keys that neither a stolen secret nor a broken key exchange alone gives away.

The requester sends an ephemeral public key (ML-KEM-768 and X25519); the responder chooses a number and seals 32 fresh
bytes to the key with HPKE (RFC 9180, base mode). Both mix these with their shared secret. The ephemeral key is dropped.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.hpke import (
    AEAD,
    KDF,
    KEM,
    MLKEM768X25519PrivateKey,
    MLKEM768X25519PublicKey,
    Suite,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from strongroom.clock import RandomBytes
from strongroom.keysync.derivation import Direction, mix_epoch, with_lengths
from strongroom.keysync.keeping import Epoch, Psk
from strongroom.keysync.refusals import MessageRefusedError, Reason

LONGEST_EPOCH = timedelta(hours=1)
MOST_MESSAGES = 100_000
MLKEM_LENGTH = 1184
PUBLIC_LENGTH = MLKEM_LENGTH + 32
SEALED_LENGTH = 1168
_SUITE = Suite(KEM.MLKEM768_X25519, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_LABEL = b"strongroom skip-sync v2 epoch"


@dataclass(frozen=True, slots=True)
class Terms:
    """What both sides know of an epoch; `requester` is the direction of the request."""

    requester: Direction
    number: int
    public_key: bytes
    sealed: bytes

    def info(self) -> bytes:
        """Return what ties the secret to the two, the number and the whole exchange."""
        transcript = hashlib.sha256(with_lengths(self.public_key, self.sealed)).digest()
        names = (self.requester.sender.encode(), self.requester.receiver.encode())
        return with_lengths(_LABEL, *names, self.number.to_bytes(4, "big"), transcript)


@dataclass(frozen=True, slots=True)
class EphemeralKey:
    """The requester's half; lives as long as one request."""

    private: MLKEM768X25519PrivateKey = field(repr=False)
    public_key: bytes

    @classmethod
    def generate(cls) -> "EphemeralKey":
        """Make a pair of keys."""
        mlkem, x25519 = MLKEM768PrivateKey.generate(), X25519PrivateKey.generate()
        raw = (Encoding.Raw, PublicFormat.Raw)
        public = mlkem.public_key().public_bytes(*raw) + x25519.public_key().public_bytes(*raw)
        return cls(MLKEM768X25519PrivateKey(mlkem, x25519), public)


def answer_request(way: Direction, public_key: bytes, psk: Psk, random: RandomBytes) -> tuple[Terms, bytes]:
    """Choose an epoch for a request that came this way: its terms, and its secret; raises MessageRefusedError."""
    number = 1 + int.from_bytes(random(4), "big") % ((1 << 32) - 1)
    fresh = random(32)
    try:
        sealed = _SUITE.encrypt(fresh, _load(public_key), info=_hpke_info(way))
    except ValueError:
        raise MessageRefusedError(Reason.CONTENT) from None
    terms = Terms(way, number, public_key, sealed)
    return terms, mix_epoch(psk.secret, fresh, terms.info())


def open_answer(own: EphemeralKey, way: Direction, answer: tuple[int, bytes], psk: Psk) -> bytes:
    """Return the secret of the epoch that a responder chose; raises MessageRefusedError."""
    number, sealed = answer
    try:
        fresh = _SUITE.decrypt(sealed, own.private, info=_hpke_info(way))
    except (InvalidTag, ValueError):
        raise MessageRefusedError(Reason.CIPHERTEXT) from None
    return mix_epoch(psk.secret, fresh, Terms(way, number, own.public_key, sealed).info())


def is_spent(epoch: Epoch, seq: int, now: datetime) -> bool:
    """Say whether a new epoch is due before the next message."""
    return now - epoch.agreed_at >= LONGEST_EPOCH or seq - epoch.first_seq >= MOST_MESSAGES


def stands(epoch: Epoch, psks: Sequence[Psk]) -> bool:
    """Say whether the secret that an epoch was mixed with is still in force; it goes with one that was revoked."""
    return any(psk.psk_id == epoch.psk_id for psk in psks)


def _load(public_key: bytes) -> MLKEM768X25519PublicKey:
    if len(public_key) != PUBLIC_LENGTH:
        raise ValueError("a public key of another length")
    mlkem = MLKEM768PublicKey.from_public_bytes(public_key[:MLKEM_LENGTH])
    return MLKEM768X25519PublicKey(mlkem, X25519PublicKey.from_public_bytes(public_key[MLKEM_LENGTH:]))


def _hpke_info(way: Direction) -> bytes:
    return with_lengths(_LABEL, way.sender.encode(), way.receiver.encode())
