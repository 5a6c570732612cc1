"""What may become of a ring: each function returns a new one, or says why the change does not fit."""

import re
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from strongroom.clock import RandomBytes
from strongroom.columnkeys.errors import ColumnKeyUnknownError, KeyRingConflictError
from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion

KEY_BYTES = 32
SALT_BYTES = 16
_NUMBERED = re.compile(r"(?P<stem>.*?)(?P<number>\d+)\Z", re.S)
_LEADING_TO = {
    KeyState.ACTIVE: frozenset({KeyState.PENDING, KeyState.DECRYPT_ONLY}),
    KeyState.DECRYPT_ONLY: frozenset({KeyState.PENDING, KeyState.ACTIVE, KeyState.DISABLED}),
    KeyState.DISABLED: frozenset({KeyState.PENDING, KeyState.DECRYPT_ONLY}),
    KeyState.DESTROYED: frozenset({KeyState.PENDING, KeyState.DECRYPT_ONLY, KeyState.DISABLED}),
}


def new_version(
    name: str,
    state: KeyState,
    now: datetime,
    random: RandomBytes,
    key_bytes: int = KEY_BYTES,
    salt_bytes: int = SALT_BYTES,
) -> KeyVersion:
    """Make a version with a key and a salt at random."""
    return KeyVersion(name, state, random(key_bytes), random(salt_bytes), now, now)


def first_ring(version: KeyVersion) -> KeyRing:
    """Return the ring of one version, which is active."""
    return KeyRing({version.name: version}, version.name)


def next_name(ring: KeyRing) -> str:
    """Return the name that follows the highest numbered one: v2 after v1, and after v2-prod and v1 too."""
    numbers = {int(found["number"]) for name in ring.versions if (found := _NUMBERED.match(name))}
    found = _NUMBERED.match(ring.active)
    stem = found["stem"] if found else "v"
    number = max(numbers, default=1) + 1
    while f"{stem}{number}" in ring.versions:
        number += 1
    return f"{stem}{number}"


def with_pending(ring: KeyRing, version: KeyVersion) -> KeyRing:
    """Add a version that every process shall learn; raises KeyRingConflictError where the name is or was in use."""
    if version.name in ring.versions:
        raise KeyRingConflictError(
            f"The ring has a version {version.name!r} already, {ring.versions[version.name].state.value}.",
            next_step="Choose a name that was never used, or leave it out.",
        )
    return KeyRing({**ring.versions, version.name: version}, ring.active)


def promoted(ring: KeyRing, name: str, now: datetime) -> KeyRing:
    """Make a version the active one; the one before it reads from now on."""
    if name == ring.active:
        return ring
    former = replace(ring.active_version(), state=KeyState.DECRYPT_ONLY, changed=now)
    chosen = _moved(ring, name, KeyState.ACTIVE, now)
    return KeyRing({**ring.versions, former.name: former, name: chosen}, name)


def disabled(ring: KeyRing, names: Iterable[str], now: datetime) -> KeyRing:
    """Take versions out of use; `enabled` undoes it."""
    return _all_moved(ring, names, KeyState.DISABLED, now)


def enabled(ring: KeyRing, names: Iterable[str], now: datetime) -> KeyRing:
    """Let disabled versions read again."""
    return _all_moved(ring, names, KeyState.DECRYPT_ONLY, now)


def destroyed(ring: KeyRing, names: Iterable[str], now: datetime) -> KeyRing:
    """Give the keys of versions up; their names stay, so that they are never given to other keys."""
    gone = _all_moved(ring, names, KeyState.DESTROYED, now)
    emptied = {name: replace(gone.versions[name], key=b"", salt=b"") for name in names}
    return KeyRing({**gone.versions, **emptied}, gone.active)


def restored(ring: KeyRing | None, copy: KeyRing, now: datetime) -> KeyRing:
    """Return the ring of a copy, together with every key that only the ring in use has.

    A restore never loses a key: what was made after the copy stays, and reads. Raises KeyRingConflictError where the
    two have different keys of one name.
    """
    if ring is None:
        return copy
    versions = dict(copy.versions)
    for name, version in ring.versions.items():
        known = versions.get(name)
        if known is None or known.state is KeyState.DESTROYED:
            reads = version.state is KeyState.ACTIVE
            versions[name] = replace(version, state=KeyState.DECRYPT_ONLY, changed=now) if reads else version
        elif version.state is not KeyState.DESTROYED and (known.key, known.salt) != (version.key, version.salt):
            raise KeyRingConflictError(
                f"The copy has another key than the ring in use under the name {name!r}.",
                next_step="It is a copy of another ring: restore it under another file name with --env-file.",
            )
    return KeyRing(versions, copy.active)


def _all_moved(ring: KeyRing, names: Iterable[str], state: KeyState, now: datetime) -> KeyRing:
    return KeyRing({**ring.versions, **{name: _moved(ring, name, state, now) for name in names}}, ring.active)


def _moved(ring: KeyRing, name: str, state: KeyState, now: datetime) -> KeyVersion:
    version = ring.versions.get(name)
    if version is None:
        raise ColumnKeyUnknownError(
            f"The ring has no version {name[:32]!r}.", next_step=f"It has: {', '.join(sorted(ring.versions))}."
        )
    if version.state not in _LEADING_TO[state]:
        raise KeyRingConflictError(
            f"Version {name!r} is {version.state.value}; that does not lead to {state.value}.",
            next_step="Rotate first, so that another version is active."
            if version.state is KeyState.ACTIVE
            else "`strongroom secrets list` shows the states.",
        )
    return replace(version, state=state, changed=now)
