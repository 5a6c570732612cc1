"""The ring: every version of the keys of encrypted columns, each with its state, one of them active.

A version is born pending, so that every process learns it before a token is made under it; it is made active, later
reads only, is disabled for a time in which that can be undone, and is destroyed.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import NoReturn, Protocol

from strongroom.columnkeys.errors import (
    ColumnKeyDestroyedError,
    ColumnKeyDisabledError,
    ColumnKeyUnknownError,
    KeyRingInvalidError,
)

LEAST_KEY_BYTES = 16
LEAST_SALT_BYTES = 8
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,31}\Z")
_CHECK_TEXT = b"strongroom column key check 1"
_FINGERPRINT_TEXT = b"strongroom column key ring fingerprint 1"


class KeyState(StrEnum):
    """What a version may be used for."""

    PENDING = "pending"
    """Known, and able to read; nothing is written under it before every process knows it."""
    ACTIVE = "active"
    """New tokens are made under it; exactly one version is."""
    DECRYPT_ONLY = "decrypt_only"
    """Reads what was written under it."""
    DISABLED = "disabled"
    """Not used at all, and its key is still there."""
    DESTROYED = "destroyed"
    """The name alone is left, so that it is never given to another key."""


READABLE = frozenset({KeyState.PENDING, KeyState.ACTIVE, KeyState.DECRYPT_ONLY})


@dataclass(frozen=True, slots=True)
class KeyVersion:
    """One version: key and salt hide in repr, and are empty once it is destroyed."""

    name: str
    state: KeyState
    key: bytes = field(repr=False)
    salt: bytes = field(repr=False)
    created: datetime | None = None
    changed: datetime | None = None
    """When it came into its state; None where nobody wrote that down."""

    def __reduce__(self) -> NoReturn:
        raise TypeError("a KeyVersion is never pickled")

    def check_token(self) -> str:
        """Return 16 hexadecimal digits that tell a damaged key, and say nothing about it.

        The first 8 bytes of HMAC-SHA256(key, "strongroom column key check 1").
        """
        return hmac.digest(self.key, _CHECK_TEXT, hashlib.sha256)[:8].hex()


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All versions by name, and the name of the active one. Raises KeyRingInvalidError where they make no ring."""

    versions: Mapping[str, KeyVersion]
    active: str

    def __post_init__(self) -> None:
        object.__setattr__(self, "versions", MappingProxyType(dict(self.versions)))
        _verify_active(self)
        for name, version in self.versions.items():
            _verify_version(name, version)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a KeyRing is never pickled")

    def active_version(self) -> KeyVersion:
        """Return the version that new tokens are made under."""
        return self.versions[self.active]

    def get_version(self, name: str) -> KeyVersion:
        """Return a version that may read.

        Raises ColumnKeyUnknownError, ColumnKeyDisabledError and ColumnKeyDestroyedError.
        """
        version = self.versions.get(name)
        if version is None:
            raise ColumnKeyUnknownError(
                f"The key ring has no version {name[:32]!r}.",
                next_step="Put back the ring that has it: `strongroom secrets list` shows which versions there are.",
            )
        if version.state is KeyState.DISABLED:
            raise ColumnKeyDisabledError(
                f"Version {name!r} of the column keys is disabled.",
                next_step="Re-encrypt from a ring in which it may read, or enable it again while its key is there.",
            )
        if version.state is KeyState.DESTROYED:
            raise ColumnKeyDestroyedError(
                f"Version {name!r} of the column keys was destroyed.",
                next_step="Only a sealed copy of the ring, made before that, still has its key.",
            )
        return version

    def fingerprint(self) -> str:
        """Return 32 hexadecimal digits that change with any version, key, state or the active one.

        The first 16 bytes of a SHA-256 over, length-prefixed (2 bytes, big-endian): a domain text, the active name, and
        by name each version's name, state, check token and salt's SHA-256. It says nothing about keys.
        """
        digest = hashlib.sha256()
        for part in self._fingerprinted():
            digest.update(len(part).to_bytes(2, "big") + part)
        return digest.digest()[:16].hex()

    def _fingerprinted(self) -> list[bytes]:
        parts = [_FINGERPRINT_TEXT, self.active.encode()]
        for name, version in sorted(self.versions.items()):
            parts += [name.encode(), version.state.encode(), version.check_token().encode()]
            parts.append(hashlib.sha256(version.salt).digest())
        return parts


class KeyRingSource(Protocol):
    """Where a ring comes from: a file, the environment, a file whose keys a key service has wrapped."""

    def load(self) -> KeyRing:
        """Return the ring as it is now, verified.

        Raises KeyRingNotFoundError, KeyRingFileError, KeyRingDamagedError, KeyRingInvalidError, and what the key
        service's provider raises.
        """


def is_version_name(name: str) -> bool:
    """Say whether a version may be called so: 1 to 32 letters, digits, '.', '_' and '-', a letter or digit first."""
    return _NAME.match(name) is not None


def _verify_active(ring: KeyRing) -> None:
    active = [name for name, version in ring.versions.items() if version.state is KeyState.ACTIVE]
    if active != [ring.active]:
        raise KeyRingInvalidError(
            f"Of {len(ring.versions)} versions {len(active)} are active, and the ring names {ring.active[:32]!r}.",
            next_step="Name one version that is there in ACTIVE_ENCRYPTION_VERSION, or put back a sealed copy.",
        )


def _verify_version(name: str, version: KeyVersion) -> None:
    if name != version.name or not is_version_name(name):
        raise KeyRingInvalidError(
            f"{name[:32]!r} cannot name a version.",
            next_step="Use 1 to 32 letters, digits, '.', '_' and '-', a letter or a digit first.",
        )
    if version.state is KeyState.DESTROYED:
        return
    if len(version.key) < LEAST_KEY_BYTES or len(version.salt) < LEAST_SALT_BYTES:
        raise KeyRingInvalidError(
            f"Version {name!r} has a key of {len(version.key)} bytes and a salt of {len(version.salt)}.",
            next_step=f"A key has at least {LEAST_KEY_BYTES} bytes and a salt {LEAST_SALT_BYTES}; make a new version.",
        )
