"""The signed record: a line of text with an Ed25519 signature, then a JSON payload.

    strongroom-record 1 <type> <base64 of the 64-byte signature>\\n
    <JSON object: keys sorted, no spaces>

The signature covers "strongroom record v1", a zero byte, the type, a zero byte, and the payload. It is verified before
the payload is parsed. Binary values inside the payload are base64.
"""

import base64
import binascii
from enum import StrEnum
from typing import TypeVar

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from strongroom.repository.errors import TamperedError, TruncatedError, UnknownVersionError

MAX_RECORD_BYTES = 64 * 1024

_DOMAIN = b"strongroom record v1\0"
_WORD = b"strongroom-record"
_VERSION = b"1"
_ENCODER = msgspec.json.Encoder(order="sorted")

T = TypeVar("T")


class RecordType(StrEnum):
    """What a record says; signed with it, so that one cannot pass for another."""

    REPOSITORY = "repository"
    KEY_SLOT = "key-slot"
    SESSION = "session"
    COMMIT = "commit"
    TOMBSTONE = "tombstone"
    RECEIPT = "receipt"


def sign_record(signer: Ed25519PrivateKey, kind: RecordType, value: object) -> bytes:
    """Encode and sign a value as a record."""
    payload = _ENCODER.encode(value)
    signature = base64.b64encode(signer.sign(_message(kind, payload)))
    return b" ".join((_WORD, _VERSION, kind.encode(), signature)) + b"\n" + payload


def verify_record(verifier: Ed25519PublicKey, kind: RecordType, raw: bytes, shape: type[T]) -> T:
    """Check the signature, then parse; raises TruncatedError, UnknownVersionError or TamperedError."""
    signature, payload = _split(kind, raw)
    try:
        verifier.verify(signature, _message(kind, payload))
    except InvalidSignature:
        raise TamperedError(f"The signature of a {kind} record does not match.") from None
    return _decode(kind, payload, shape)


def read_unverified(kind: RecordType, raw: bytes, shape: type[T]) -> T:
    """Parse a record whose signer is not known yet; the caller must verify it before it relies on the value."""
    return _decode(kind, _split(kind, raw)[1], shape)


def _decode(kind: RecordType, payload: bytes, shape: type[T]) -> T:
    try:
        return msgspec.json.decode(payload, type=shape)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        raise TamperedError(f"A {kind} record lacks what it should say.") from None


def _message(kind: RecordType, payload: bytes) -> bytes:
    return _DOMAIN + kind.encode() + b"\0" + payload


def _split(kind: RecordType, raw: bytes) -> tuple[bytes, bytes]:
    if len(raw) > MAX_RECORD_BYTES:
        raise TamperedError(f"A {kind} record is longer than any that Strongroom writes.")
    line, newline, payload = raw.partition(b"\n")
    words = line.split(b" ")
    if not newline or len(words) != 4:
        raise TruncatedError(f"A {kind} record has no complete first line.")
    if words[0] != _WORD or words[2] != kind.encode():
        raise TamperedError(f"An object is not the {kind} record its name promises.")
    if words[1] != _VERSION:
        raise UnknownVersionError(f"A {kind} record has an unknown format version.")
    return _decode_signature(kind, words[3]), payload


def _decode_signature(kind: RecordType, text: bytes) -> bytes:
    try:
        signature = base64.b64decode(text, validate=True)
    except binascii.Error:
        raise TamperedError(f"The signature of a {kind} record is not base64.") from None
    # Base64 can spell the same bytes in several ways; only one of them is a record.
    if base64.b64encode(signature) != text or len(signature) != 64:
        raise TamperedError(f"The signature of a {kind} record is misspelled.")
    return signature
