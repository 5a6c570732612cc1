"""From the values of a `.env.crypto` file, or of the environment, to a ring and back; all of it checked on the way."""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from strongroom.columnkeys.env_text import ACTIVE, FILE_MAC, Entry, version_names, without_mac
from strongroom.columnkeys.errors import KeyRingDamagedError, KeyRingFileError
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion, is_version_name

_BASE64 = re.compile(r"[A-Za-z0-9+/_-]*={0,2}\Z")
_MAC_TEXT = b"strongroom column key file mac 1"
_TIME = "%Y-%m-%dT%H:%M:%SZ"


class KeyWrapping(Protocol):
    """A key service that keeps the keys in the file sealed."""

    def seal(self, version: str, key: bytes) -> str:
        """Return what stands in the file in place of a key; never in the form of base64 alone."""

    def open(self, version: str, text: str) -> bytes:
        """Return the key; raises WrongKeyError and what else the key service's provider raises."""


@dataclass(frozen=True, slots=True)
class Origin:
    """Where values come from, for the words of an error, and what opens sealed keys there."""

    place: str
    wrapping: KeyWrapping | None = None

    def unusable(self, what: str) -> KeyRingFileError:
        """Return the error that says what is wrong with the values."""
        return KeyRingFileError(
            f"The column keys in {self.place} cannot be used: {what}.",
            next_step="Put back a backup: `strongroom secrets restore-config --backup-file FILE`.",
        )

    def damaged(self, what: str) -> KeyRingDamagedError:
        """Return the error for a value that does not match its check value."""
        return KeyRingDamagedError(
            f"{what} ({self.place}).",
            next_step="Nothing was decrypted with them. Put back a backup: "
            "`strongroom secrets restore-config --backup-file FILE`.",
        )


def read_ring(values: Mapping[str, str], origin: Origin) -> KeyRing:
    """Return the ring; raises KeyRingFileError, KeyRingDamagedError, KeyRingInvalidError."""
    active = values.get(ACTIVE)
    if not active:
        raise origin.unusable(f"{ACTIVE} is missing")
    versions = {name: _read_version(name, active, values, origin) for name in version_names(values)}
    if active not in versions:
        raise origin.unusable(f"{ACTIVE} names a version that is not there")
    return KeyRing(versions, active)


def ring_values(ring: KeyRing, wrapping: KeyWrapping | None, before: Mapping[str, str]) -> dict[str, str]:
    """Return what a file says about a ring; a key that `before` has sealed already is not sealed anew."""
    values = {ACTIVE: ring.active}
    for name, version in ring.versions.items():
        said = {
            Entry.STATE: version.state.value,
            Entry.CREATED: _time(version.created),
            Entry.CHANGED: _time(version.changed),
        }
        if version.state is not KeyState.DESTROYED:
            said |= {
                Entry.KEY: _key_text(version, wrapping, before.get(f"{Entry.KEY}{name}", "")),
                Entry.SALT: base64.b64encode(version.salt).decode(),
                Entry.SALT_HASH: hashlib.sha256(version.salt).hexdigest(),
                Entry.CHECK: version.check_token(),
            }
        values |= {f"{entry}{name}": text for entry, text in said.items() if text}
    return values


def file_mac(ring: KeyRing, content: bytes) -> str:
    """Return HMAC-SHA256 of a file without its MAC line, in 64 hexadecimal digits.

    The key is the SHA-256 of a domain text and, by name, every version's name and key, each prefixed by its length in 2
    bytes, big-endian.
    """
    digest = hashlib.sha256()
    parts = [_MAC_TEXT]
    for name, version in sorted(ring.versions.items()):
        parts += [name.encode(), version.key]
    for part in parts:
        digest.update(len(part).to_bytes(2, "big") + part)
    return hmac.digest(digest.digest(), without_mac(content), hashlib.sha256).hex()


def verify_mac(ring: KeyRing, values: Mapping[str, str], content: bytes, origin: Origin) -> None:
    """Return when the file is as it was written, or its writer makes no MACs; raises KeyRingDamagedError."""
    said = values.get(FILE_MAC)
    if said is not None and not hmac.compare_digest(said.encode(), file_mac(ring, content).encode()):
        raise origin.damaged(
            "File integrity check failed: it was changed since Strongroom wrote it. "
            f"Who edits it by hand removes the line {FILE_MAC}"
        )


def _read_version(name: str, active: str, values: Mapping[str, str], origin: Origin) -> KeyVersion:
    if not is_version_name(name):
        raise origin.unusable(f"{name[:32]!r} cannot name a version")
    said = {entry: values.get(f"{entry}{name}", "") for entry in Entry}
    state = _read_state(name, said[Entry.STATE], active, origin)
    created = _read_time(name, said[Entry.CREATED], origin)
    changed = _read_time(name, said[Entry.CHANGED], origin)
    if state is KeyState.DESTROYED:
        return KeyVersion(name, state, b"", b"", created, changed)
    for entry in (Entry.KEY, Entry.SALT, Entry.SALT_HASH):
        if not said[entry]:
            raise origin.unusable(f"{entry}{name} is missing")
    salt = _decoded(said[Entry.SALT], f"{Entry.SALT}{name}", origin)
    _verify_salt(name, salt, said, origin)
    version = KeyVersion(name, state, _read_key(name, said[Entry.KEY], origin), salt, created, changed)
    if said[Entry.CHECK] and not hmac.compare_digest(said[Entry.CHECK].encode(), version.check_token().encode()):
        raise origin.damaged(f"Key integrity check failed: the key of version {name!r} does not match its check value")
    return version


def _read_state(name: str, text: str, active: str, origin: Origin) -> KeyState:
    # A file without states was written by somebody else, or by hand: the active version is the one it names.
    if not text:
        return KeyState.ACTIVE if name == active else KeyState.DECRYPT_ONLY
    try:
        state = KeyState(text)
    except ValueError:
        raise origin.unusable(f"the state of version {name!r} is not known") from None
    if (state is KeyState.ACTIVE) != (name == active):
        raise origin.unusable(f"{ACTIVE} and the state of version {name!r} contradict each other")
    return state


def _verify_salt(name: str, salt: bytes, said: Mapping[Entry, str], origin: Origin) -> None:
    known = said[Entry.SALT_HASH].lower()
    hashes = (hashlib.sha256(salt).hexdigest(), hashlib.sha256(said[Entry.SALT].encode()).hexdigest())
    if not any(hmac.compare_digest(known.encode(), computed.encode()) for computed in hashes):
        raise origin.damaged(f"Salt integrity check failed: the salt of version {name!r} does not match its hash")


def _read_key(name: str, text: str, origin: Origin) -> bytes:
    if ":" not in text:
        return _decoded(text, f"{Entry.KEY}{name}", origin)
    if origin.wrapping is None:
        raise origin.unusable(f"the key of version {name!r} is sealed by a key service, and none is configured")
    return origin.wrapping.open(name, text)


def _decoded(text: str, name: str, origin: Origin) -> bytes:
    bare = text.rstrip("=")
    if not _BASE64.match(text) or len(bare) % 4 == 1:
        raise origin.unusable(f"{name} is not base64")
    try:
        return base64.b64decode(bare.replace("-", "+").replace("_", "/") + "=" * (-len(bare) % 4), validate=True)
    except binascii.Error:
        raise origin.unusable(f"{name} is not base64") from None


def _key_text(version: KeyVersion, wrapping: KeyWrapping | None, before: str) -> str:
    if wrapping is None:
        return base64.b64encode(version.key).decode()
    return before if ":" in before else wrapping.seal(version.name, version.key)


def _time(moment: datetime | None) -> str:
    return moment.astimezone(UTC).strftime(_TIME) if moment else ""


def _read_time(name: str, text: str, origin: Origin) -> datetime | None:
    if not text:
        return None
    try:
        return datetime.strptime(text, _TIME).replace(tzinfo=UTC)
    except ValueError:
        raise origin.unusable(f"a time of version {name!r} is not of the form 2026-01-14T12:34:56Z") from None
