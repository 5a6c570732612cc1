"""The ciphers, key derivation and signatures behind the format stand the vectors that broke others."""

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256

from strongroom.keyring import local
from strongroom.repository import access, frame, records, root
from strongroom.repository.errors import TamperedError
from strongroom.repository.frame import HEADER_BYTES, TAG_BYTES, FrameHeader, FrameKind, FrameOpener

FOLDER = Path(__file__).parents[2] / "vectors" / "wycheproof"
OURS = (256, 96, 128)
"""Bits of key, nonce and tag."""


def vectors(name: str) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return every test of a file with its group."""
    document = json.loads((FOLDER / name).read_text(encoding="utf-8"))
    found = [(group, test) for group in document["testGroups"] for test in group["tests"]]
    assert len(found) == document["numberOfTests"]
    return found


def gcm() -> Iterator[dict[str, Any]]:
    """Yield the tests of the sizes that we use, bytes decoded."""
    for group, test in vectors("aes_gcm_test.json"):
        if (group["keySize"], group["ivSize"], group["tagSize"]) == OURS:
            yield {name: _decoded(value) for name, value in test.items()}


def _decoded(value: Any) -> Any:
    return bytes.fromhex(value) if isinstance(value, str) and re.fullmatch(r"([0-9a-f]{2})*", value) else value


def test_the_files_are_the_ones_that_were_copied() -> None:
    known = dict(re.findall(r"`(\w+\.json)` .*`([0-9a-f]{64})`", (FOLDER / "README.md").read_text(encoding="utf-8")))

    assert {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.json")} == known


def test_one_cipher_seals_frames_and_wraps_keys() -> None:
    assert frame.AESGCM is local.AESGCM is AESGCM


def test_valid_messages_are_sealed_and_opened_and_invalid_ones_refused() -> None:
    results = []
    for test in gcm():
        cipher, sealed = frame.AESGCM(test["key"]), test["ct"] + test["tag"]
        results.append(test["result"])
        if test["result"] == "valid":
            assert cipher.decrypt(test["iv"], sealed, test["aad"]) == test["msg"]
            assert cipher.encrypt(test["iv"], test["msg"], test["aad"]) == sealed
        else:
            with pytest.raises(InvalidTag):
                cipher.decrypt(test["iv"], sealed, test["aad"])

    assert (results.count("valid"), results.count("invalid")) == (39, 27)


def test_messages_that_have_the_shape_of_a_frame_are_opened_as_frames() -> None:
    """A frame's associated data is a header of 32 bytes and its context, so that much a vector needs to have."""
    opened = 0
    for test in gcm():
        head, context = test["aad"][:HEADER_BYTES], test["aad"][HEADER_BYTES:]
        if len(head) < HEADER_BYTES:
            continue
        sealed = test["ct"] + test["tag"]
        header = FrameHeader(
            FrameKind.DATA,
            int.from_bytes(test["iv"], "big"),
            len(test["msg"]),
            len(sealed),
            compressed=False,
            last=False,
        )
        opener = FrameOpener(test["key"], context)
        assert opener.open(header, head + sealed) == test["msg"]
        for at in range(len(head + sealed)):
            changed = bytearray(head + sealed)
            changed[at] ^= 1
            with pytest.raises(TamperedError):
                opener.open(header, bytes(changed))
        with pytest.raises(TamperedError):
            FrameOpener(test["key"], context + b"\0").open(header, head + sealed)
        assert len(sealed) == len(test["msg"]) + TAG_BYTES
        opened += 1

    assert opened == 12


def test_keys_are_derived_as_the_standard_says() -> None:
    derived = 0
    for _, test in vectors("hkdf_sha256_test.json"):
        salt, info, secret = (bytes.fromhex(test[name]) for name in ("salt", "info", "ikm"))
        if test["result"] == "valid":
            key = root.HKDF(algorithm=SHA256(), length=test["size"], salt=salt, info=info).derive(secret)
            assert key.hex() == test["okm"]
            derived += 1
        else:
            with pytest.raises(ValueError, match="derive"):
                root.HKDF(algorithm=SHA256(), length=test["size"], salt=salt, info=info).derive(secret)

    assert derived == 83


def test_valid_signatures_are_accepted_and_invalid_ones_refused() -> None:
    """The acceptable ones differ in the public keys they allow; ours is never taken from what it verifies."""
    assert access.InvalidSignature is records.InvalidSignature is InvalidSignature
    results = []
    for group, test in vectors("ed25519_test.json"):
        verifier = records.Ed25519PublicKey.from_public_bytes(bytes.fromhex(group["publicKey"]["pk"]))
        signature, message = bytes.fromhex(test["sig"]), bytes.fromhex(test["msg"])
        results.append(test["result"])
        if test["result"] == "valid":
            verifier.verify(signature, message)
        elif test["result"] == "invalid":
            with pytest.raises(InvalidSignature):
                verifier.verify(signature, message)

    assert (results.count("valid"), results.count("invalid")) == (117, 64)
