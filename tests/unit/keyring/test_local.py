"""Wrapping under a KEK of the key file."""

import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from strongroom.keyring.errors import KeyVersionNotFoundError, WrappedKeyFormatError, WrongKeyError
from strongroom.keyring.key_file import KeyFile
from strongroom.keyring.local import LocalKekProvider
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey

CONTEXT = {"repo": "r", "source": "s", "purpose": "backup"}


@pytest.fixture
def key_file(tmp_path: Path) -> KeyFile:
    return KeyFile.create(tmp_path / "keys.json", ["home", "other"])


@pytest.fixture
def provider(key_file: KeyFile) -> KekProvider:
    return LocalKekProvider(key_file, "home")


def test_a_generated_key_unwraps(provider: KekProvider) -> None:
    key, wrapped = provider.generate(CONTEXT)
    assert provider.unwrap(wrapped, CONTEXT) == key
    assert (wrapped.provider, wrapped.version) == ("local", "v1")


def test_the_order_of_the_context_does_not_matter(provider: KekProvider) -> None:
    key, wrapped = provider.generate(CONTEXT)
    assert provider.unwrap(wrapped, dict(reversed(CONTEXT.items()))) == key


def test_the_same_key_is_never_wrapped_to_the_same_bytes(provider: KekProvider) -> None:
    key = SecretKey(bytes(32))
    assert provider.wrap(key, CONTEXT).ciphertext != provider.wrap(key, CONTEXT).ciphertext


@pytest.mark.parametrize("context", [{}, {**CONTEXT, "source": "t"}, {**CONTEXT, "more": ""}, {"repo": "r"}])
def test_another_context_is_the_wrong_key(provider: KekProvider, context: dict[str, str]) -> None:
    _, wrapped = provider.generate(CONTEXT)
    with pytest.raises(WrongKeyError):
        provider.unwrap(wrapped, context)


def test_another_kek_is_the_wrong_key(provider: KekProvider, key_file: KeyFile) -> None:
    _, wrapped = provider.generate(CONTEXT)
    with pytest.raises(WrongKeyError):
        LocalKekProvider(key_file, "other").unwrap(wrapped, CONTEXT)


def test_a_version_cannot_pass_for_another(provider: KekProvider, key_file: KeyFile) -> None:
    _, wrapped = provider.generate(CONTEXT)
    key_file.rotate("home")
    with pytest.raises(WrongKeyError):
        provider.unwrap(WrappedKey("local", "v2", wrapped.ciphertext), CONTEXT)


def test_an_unknown_version_is_not_found(provider: KekProvider) -> None:
    _, wrapped = provider.generate(CONTEXT)
    with pytest.raises(KeyVersionNotFoundError):
        provider.unwrap(WrappedKey("local", "v9", wrapped.ciphertext), CONTEXT)


def test_a_key_of_another_provider_is_refused(provider: KekProvider) -> None:
    _, wrapped = provider.generate(CONTEXT)
    with pytest.raises(WrongKeyError, match="aws-kms"):
        provider.unwrap(WrappedKey("aws-kms", "v1", wrapped.ciphertext), CONTEXT)


def test_every_flipped_bit_is_noticed(provider: KekProvider) -> None:
    _, wrapped = provider.generate(CONTEXT)
    for position in range(len(wrapped.ciphertext) * 8):
        flipped = bytearray(wrapped.ciphertext)
        flipped[position // 8] ^= 1 << position % 8
        with pytest.raises((WrongKeyError, WrappedKeyFormatError)):
            provider.unwrap(WrappedKey("local", "v1", bytes(flipped)), CONTEXT)


@pytest.mark.parametrize("length", [0, 1, 13, 60, 62])
def test_another_length_is_a_format_error(provider: KekProvider, length: int) -> None:
    _, wrapped = provider.generate(CONTEXT)
    resized = (wrapped.ciphertext + b"\0")[:length]
    with pytest.raises(WrappedKeyFormatError):
        provider.unwrap(WrappedKey("local", "v1", resized), CONTEXT)


def test_rewrapping_moves_to_the_current_version(provider: KekProvider, key_file: KeyFile) -> None:
    key, wrapped = provider.generate(CONTEXT)
    key_file.rotate("home")
    moved = provider.rewrap(wrapped, CONTEXT)
    assert moved.version == provider.current_version() == "v2"
    assert provider.unwrap(moved, CONTEXT) == key
    assert provider.unwrap(wrapped, CONTEXT) == key


def test_a_secret_key_hides_itself() -> None:
    key = SecretKey(b"\x41" * 32)
    assert "A" not in repr(key)
    for use in (pickle.dumps, hash):
        with pytest.raises(TypeError):
            use(key)
    with pytest.raises(ValueError, match="32 bytes"):
        SecretKey(b"short")


VECTORS = json.loads((Path(__file__).parents[2] / "vectors/keyring/local-wrap-v1.json").read_text(encoding="utf-8"))
OUTCOMES = {"wrong-key": WrongKeyError, "format": WrappedKeyFormatError, "version-not-found": KeyVersionNotFoundError}


@pytest.fixture
def vector_provider(tmp_path: Path) -> KekProvider:
    path = tmp_path / "keys.json"
    path.write_text(json.dumps(VECTORS["key_file"]), encoding="utf-8")
    path.chmod(0o600)
    return LocalKekProvider(KeyFile.load(path), VECTORS["kek"])


@pytest.mark.parametrize("vector", VECTORS["unwrap"], ids=lambda vector: vector["name"])
def test_frozen_wrapped_keys_keep_their_outcome(vector_provider: KekProvider, vector: dict[str, Any]) -> None:
    wrapped = WrappedKey("local", vector["version"], bytes.fromhex(vector["ciphertext"]))
    if vector["outcome"] == "key":
        assert vector_provider.unwrap(wrapped, vector["context"]).reveal().hex() == vector["key"]
        return
    with pytest.raises(OUTCOMES[vector["outcome"]]):
        vector_provider.unwrap(wrapped, vector["context"])
