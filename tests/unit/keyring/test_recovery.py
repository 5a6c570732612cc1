"""Wrapping to a key that is on paper, and the paper itself."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strongroom.errors import StrongroomError
from strongroom.keyring.errors import (
    KeyVersionNotFoundError,
    RecoveryKeyError,
    WrappedKeyFormatError,
    WrongKeyError,
)
from strongroom.keyring.provider import WrappedKey
from strongroom.keyring.recovery import RecoveryKekProvider
from strongroom.keyring.recovery_text import key_text, read_key_file, read_key_text
from strongroom.keyring.secret import SecretKey
from tests.policy.project import ROOT

CONTEXT = {"repo": "r", "source": "s", "purpose": "backup"}
VECTORS = json.loads((ROOT / "tests/vectors/keyring/recovery-wrap-v1.json").read_text(encoding="utf-8"))
OUTCOMES: dict[str, type[StrongroomError]] = {
    "wrong-key": WrongKeyError,
    "version-not-found": KeyVersionNotFoundError,
    "format": WrappedKeyFormatError,
}
PRIVATE = SecretKey(bytes.fromhex(VECTORS["private"]))


@pytest.mark.parametrize("vector", VECTORS["unwrap"], ids=lambda vector: vector["name"])
def test_what_was_wrapped_once_opens_for_ever_and_anything_else_is_refused(vector: dict[str, Any]) -> None:
    provider = RecoveryKekProvider.of(PRIVATE)
    wrapped = WrappedKey("recovery", vector["version"], bytes.fromhex(vector["ciphertext"]))
    if vector["outcome"] == "key":
        assert provider.unwrap(wrapped, vector["context"]).reveal().hex() == vector["key"]
        return
    with pytest.raises(OUTCOMES[vector["outcome"]]):
        provider.unwrap(wrapped, vector["context"])


def test_the_text_and_the_public_key_stay_what_they_are() -> None:
    assert key_text(PRIVATE) == VECTORS["text"]
    assert read_key_text(VECTORS["text"]) == PRIVATE
    provider = RecoveryKekProvider.of(PRIVATE)
    assert (provider.public.hex(), provider.current_version()) == (VECTORS["public"], VECTORS["version"])


def test_the_public_key_is_that_of_rfc_7748() -> None:
    # Section 6.1: Bob's private key and his public key.
    private = "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb"
    public = "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f"
    assert RecoveryKekProvider.of(SecretKey(bytes.fromhex(private))).public.hex() == public


def test_the_public_half_wraps_and_does_not_open() -> None:
    whole = RecoveryKekProvider.of(PRIVATE)
    half = RecoveryKekProvider(whole.public)
    key, wrapped = half.generate(CONTEXT)
    assert whole.unwrap(wrapped, CONTEXT) == key
    assert half.wrap(key, CONTEXT).ciphertext != wrapped.ciphertext
    with pytest.raises(WrongKeyError):
        half.unwrap(wrapped, CONTEXT)


def test_a_key_of_another_provider_is_refused() -> None:
    with pytest.raises(WrongKeyError):
        RecoveryKekProvider.of(PRIVATE).unwrap(WrappedKey("local", "v1", bytes(81)), CONTEXT)


@settings(deadline=None)
@given(st.binary(min_size=32, max_size=32), st.sampled_from([str.lower, str.upper, lambda t: t.replace("-", "\n- ")]))
def test_a_key_is_read_back_as_people_type_it(raw: bytes, spelled: Any) -> None:
    text = key_text(SecretKey(raw))
    prefix, rest = text[:4], text[4:]
    assert read_key_text(f"Recovery key 1 2\n  {prefix}{spelled(rest)}\n\nRepository") == SecretKey(raw)


@settings(deadline=None)
@given(st.integers(5, 70), st.sampled_from("ABCXYZ234567"))
def test_a_wrong_character_is_noticed(at: int, other: str) -> None:
    text = key_text(PRIVATE)
    if text[at] in {"-", other}:
        return
    with pytest.raises(RecoveryKeyError):
        read_key_text(text[:at] + other + text[at + 1 :])


@pytest.mark.parametrize("text", ["", "SRK1", "SRK1-ABCD", key_text(PRIVATE)[:-5], key_text(PRIVATE) + "-ABCD"])
def test_what_is_no_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(RecoveryKeyError) as caught:
        read_key_text(text)
    assert "ABCD" not in str(caught.value)


def test_a_file_open_to_others_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "kit.txt"
    file.write_text(key_text(PRIVATE))
    file.chmod(0o644)
    with pytest.raises(RecoveryKeyError, match="chmod 600"):
        read_key_file(file)
    file.chmod(0o600)
    assert read_key_file(file) == PRIVATE
    with pytest.raises(RecoveryKeyError):
        read_key_file(tmp_path / "missing")
