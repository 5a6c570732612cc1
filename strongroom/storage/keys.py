"""Which object keys every kind of store can hold."""

import re

from strongroom.storage.errors import InvalidKeyError

# S3 allows 1024 bytes with the bucket prefix included, a file system 255 in one name.
MAX_KEY_LENGTH = 900
MAX_SEGMENT_LENGTH = 255

_CHARACTERS = re.compile(r"[A-Za-z0-9._/-]*\Z")


def verify_key(key: str) -> None:
    """Refuse what the Store contract does not allow as a key; raises InvalidKeyError."""
    if not is_key(key):
        raise _invalid(key, "key")


def verify_prefix(prefix: str) -> None:
    """Refuse what no key can start with; after the last slash any part of a name will do. Raises InvalidKeyError."""
    folders = prefix.split("/")[:-1]
    if not _is_charset(prefix) or not all(map(is_segment, folders)):
        raise _invalid(prefix, "key prefix")


def is_key(text: str) -> bool:
    """Say whether the Store contract allows the text as a key."""
    return _is_charset(text) and all(map(is_segment, text.split("/")))


def is_segment(name: str) -> bool:
    """Say whether the name may stand between two slashes of a key."""
    return _CHARACTERS.match(name) is not None and name not in {"", ".", ".."} and len(name) <= MAX_SEGMENT_LENGTH


def _is_charset(text: str) -> bool:
    return len(text) <= MAX_KEY_LENGTH and _CHARACTERS.match(text) is not None


def _invalid(text: str, what: str) -> InvalidKeyError:
    return InvalidKeyError(
        f"{text[:80]!r} is not an object {what}.",
        next_step="Use letters, digits, '.', '_' and '-' between single slashes, without '.' or '..' as a whole name.",
    )
