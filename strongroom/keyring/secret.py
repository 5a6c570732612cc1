"""Key bytes in a wrapper that does not leak them by accident."""

import hmac
from typing import NoReturn


class SecretKey:
    """32 key bytes that hide in repr, refuse pickling and compare in constant time."""

    __slots__ = ("_bytes",)

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("a key is 32 bytes")
        self._bytes = key

    def reveal(self) -> bytes:
        """Return the raw 32 bytes, for a cipher and nothing else."""
        return self._bytes

    def __eq__(self, other: object) -> bool:
        return isinstance(other, SecretKey) and hmac.compare_digest(self._bytes, other._bytes)

    def __hash__(self) -> NoReturn:
        raise TypeError("a SecretKey is never hashed")

    def __repr__(self) -> str:
        return "SecretKey(hidden)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a SecretKey is never pickled")
