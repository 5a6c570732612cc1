"""Rings for tests: keys that are the same every time, states as asked for."""

import hashlib

from strongroom.columnkeys.ring import KeyRing, KeyState, KeyVersion


def fixed(name: str, size: int) -> bytes:
    return hashlib.shake_256(name.encode()).digest(size)


def version(name: str, state: KeyState = KeyState.DECRYPT_ONLY) -> KeyVersion:
    return KeyVersion(name, state, fixed(f"key {name}", 32), fixed(f"salt {name}", 16))


def ring(active: str = "v1", **others: KeyState) -> KeyRing:
    versions = {active: version(active, KeyState.ACTIVE)}
    versions |= {name: version(name, state) for name, state in others.items()}
    return KeyRing(versions, active)
