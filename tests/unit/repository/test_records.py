"""Signed records: read only as what they were signed as, by whom they were signed."""

import base64
from dataclasses import dataclass

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from strongroom.repository.errors import TamperedError, TruncatedError, UnknownVersionError
from strongroom.repository.records import MAX_RECORD_BYTES, RecordType, sign_record, verify_record
from tests.unit.repository.damage import REFUSALS, flip

SIGNER = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


@dataclass(frozen=True)
class Note:
    text: str
    number: int


RAW = sign_record(SIGNER, RecordType.COMMIT, Note("hello", 5))


def read(raw: bytes, kind: RecordType = RecordType.COMMIT) -> Note:
    return verify_record(SIGNER.public_key(), kind, raw, Note)


def test_a_record_is_a_line_of_text_and_json() -> None:
    line, payload = RAW.split(b"\n", 1)

    assert read(RAW) == Note("hello", 5)
    assert line.startswith(b"strongroom-record 1 commit ")
    assert payload == b'{"number":5,"text":"hello"}'


def test_every_flipped_bit_is_refused() -> None:
    for bit in range(len(RAW) * 8):
        with pytest.raises(REFUSALS):
            read(flip(RAW, bit))


def test_every_truncation_and_every_appended_byte_is_refused() -> None:
    for end in range(len(RAW)):
        with pytest.raises(REFUSALS):
            read(RAW[:end])
    for tail in (b" ", b"\n", b"\0", RAW):
        with pytest.raises(TamperedError):
            read(RAW + tail)


def test_a_record_does_not_pass_for_one_of_another_type() -> None:
    with pytest.raises(TamperedError):
        read(RAW, RecordType.SESSION)
    with pytest.raises(TamperedError, match="signature"):
        read(RAW.replace(b" commit ", b" session "), RecordType.SESSION)


def test_a_record_of_another_signer_is_refused() -> None:
    forged = sign_record(Ed25519PrivateKey.from_private_bytes(bytes(32)), RecordType.COMMIT, Note("hello", 5))

    with pytest.raises(TamperedError, match="signature"):
        read(forged)


def test_a_signature_spelled_in_another_way_is_refused() -> None:
    signature = RAW.split(b" ")[3].split(b"\n")[0]
    last = base64.b64decode(signature)
    respelled = signature[:-3] + bytes([signature[-3] + 1]) + b"=="
    assert base64.b64decode(respelled)[:63] == last[:63]

    with pytest.raises(TamperedError):
        read(RAW.replace(signature, respelled))


def test_a_newer_version_is_told_apart() -> None:
    with pytest.raises(UnknownVersionError):
        read(RAW.replace(b"strongroom-record 1 ", b"strongroom-record 2 "))


def test_a_line_without_an_end_is_told_apart() -> None:
    with pytest.raises(TruncatedError):
        read(RAW[:40])


def test_a_signed_record_that_lacks_a_field_is_refused() -> None:
    with pytest.raises(TamperedError, match="lacks"):
        read(sign_record(SIGNER, RecordType.COMMIT, {"text": "hello"}))


def test_a_record_of_absurd_length_is_refused_unread() -> None:
    with pytest.raises(TamperedError, match="longer"):
        read(RAW + bytes(MAX_RECORD_BYTES))
