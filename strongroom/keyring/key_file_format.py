"""What a key file says: named KEKs with their versions, as JSON.

    {"format": "strongroom-key-file", "version": 1,
     "keys": {"<name>": {"current": "v2", "versions": {"v1": {"key": "<base64>", "check": "<16 hex digits>"}, ...}}}}

`check` is the first 8 bytes of HMAC-SHA256(key, "strongroom key check 1"): it tells a damaged key from a wrong one
before anything is sealed under it, and gives nothing away about the key.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from types import MappingProxyType
from typing import Literal

import msgspec

from strongroom.clock import RandomBytes
from strongroom.keyring.secret import SecretKey

_CHECK_TEXT = b"strongroom key check 1"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")


class KeyFileFormatError(ValueError):
    """The text is not a key file; the message says why without showing any of it."""


class Kek(msgspec.Struct, frozen=True):
    """One named key-encryption key: every version it ever had, and the one that wraps now."""

    current: str
    versions: Mapping[str, SecretKey]

    def rotated(self, random: RandomBytes) -> "Kek":
        """Return the KEK with a fresh current version; the old ones still unwrap."""
        version = f"v{len(self.versions) + 1}"
        return Kek(version, MappingProxyType({**self.versions, version: SecretKey(random(32))}))


class _StoredKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    key: str
    check: str


class _StoredKek(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    current: str
    versions: dict[str, _StoredKey]


class _StoredFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: Literal["strongroom-key-file"]
    version: Literal[1]
    keys: dict[str, _StoredKek]


def new_kek(random: RandomBytes) -> Kek:
    """Make a KEK with one version, v1."""
    return Kek("v1", MappingProxyType({"v1": SecretKey(random(32))}))


def is_kek_name(name: str) -> bool:
    """Say whether a KEK may be called so."""
    return _NAME.match(name) is not None


def encode_keks(keks: Mapping[str, Kek]) -> bytes:
    """Write the key file's text."""
    stored = _StoredFile("strongroom-key-file", 1, {name: _stored_kek(kek) for name, kek in sorted(keks.items())})
    return msgspec.json.format(msgspec.json.encode(stored), indent=2) + b"\n"


def decode_keks(text: bytes) -> dict[str, Kek]:
    """Read a key file's text; raises KeyFileFormatError."""
    try:
        stored = msgspec.json.decode(text, type=_StoredFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise KeyFileFormatError(str(error)) from None
    return {name: _kek(name, kek) for name, kek in stored.keys.items()}


def _stored_kek(kek: Kek) -> _StoredKek:
    return _StoredKek(kek.current, {version: _stored_key(key) for version, key in kek.versions.items()})


def _stored_key(key: SecretKey) -> _StoredKey:
    return _StoredKey(base64.b64encode(key.reveal()).decode("ascii"), _check(key))


def _kek(name: str, stored: _StoredKek) -> Kek:
    expected = [f"v{number}" for number in range(1, len(stored.versions) + 1)]
    if sorted(stored.versions) != sorted(expected) or stored.current not in stored.versions:
        raise KeyFileFormatError(f"the versions of {name[:64]!r} are not v1, v2, ... with one of them current")
    return Kek(stored.current, MappingProxyType({v: _key(name, v, stored.versions[v]) for v in expected}))


def _key(name: str, version: str, stored: _StoredKey) -> SecretKey:
    try:
        key = SecretKey(base64.b64decode(stored.key, validate=True))
    except (binascii.Error, ValueError):
        raise KeyFileFormatError(f"version {version} of {name[:64]!r} is not 32 bytes in base64") from None
    if not hmac.compare_digest(_check(key).encode(), stored.check.encode()):
        raise KeyFileFormatError(f"version {version} of {name[:64]!r} does not match its check value")
    return key


def _check(key: SecretKey) -> str:
    return hmac.digest(key.reveal(), _CHECK_TEXT, hashlib.sha256)[:8].hex()
