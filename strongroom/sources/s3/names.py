"""The name that an object has in the tree of a backup.

A key is split at its slashes. `%` is written `%25` and NUL `%00`; a part that no file system takes as a name, namely an
empty one, `.` or `..`, is `%`, `%2E` or `%2E%2E`. So `%` followed by a letter is free for names of our own:

    a/b.txt                                the object as it is now
    a/b.txt%versions/20261121T1923-0000-ID an older version, or the marker of a deletion
    a/b.txt%object                         the object, where other keys go on with `a/b.txt/`
"""

from datetime import datetime

VERSIONS = b"%versions"
OBJECT = b"%object"
_UNUSABLE = {b"": b"%", b".": b"%2E", b"..": b"%2E%2E"}

Path = tuple[bytes, ...]


def path_of(key: str) -> Path:
    """Return the names on the way to the current version of an object."""
    return tuple(_name(part) for part in key.encode("utf-8", "surrogateescape").split(b"/"))


def version_path(key: str, at: datetime, rank: int, version_id: str) -> Path:
    """Return the names on the way to an older version; they sort by age. `rank` counts those of one second."""
    *above, name = path_of(key)
    return (*above, name + VERSIONS, f"{at:%Y%m%dT%H%M%SZ}-{rank:04}-".encode() + _name(version_id.encode()))


def _name(part: bytes) -> bytes:
    return _UNUSABLE.get(part) or part.replace(b"%", b"%25").replace(b"\0", b"%00")
