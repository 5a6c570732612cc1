"""Checking what was read of an object against the checksum that S3 keeps of it."""

import base64
import hashlib
import re
import zlib
from collections.abc import Mapping
from typing import Any, Protocol

_MD5 = re.compile(r"[0-9a-f]{32}")
_PLAIN = {None, "AES256"}


class Digest(Protocol):
    """Takes an object's bytes and says at the end whether they are the right ones."""

    def update(self, data: memoryview) -> None:
        """Take the next bytes."""

    def fits(self) -> bool:
        """Say whether the bytes are those that S3 holds."""


def digest_of(answer: Mapping[str, Any]) -> Digest | None:
    """Return the strongest check that an answer of GetObject allows; None where it has no checksum of the whole."""
    whole = answer.get("ChecksumType") != "COMPOSITE"
    sha256, crc32 = str(answer.get("ChecksumSHA256", "")), str(answer.get("ChecksumCRC32", ""))
    if whole and sha256 and "-" not in sha256:
        return _Hash(hashlib.sha256(), base64.b64decode(sha256))
    etag = str(answer.get("ETag", "")).strip('"')
    # Under a KMS key, and of a multipart upload, the ETag is no digest.
    if _MD5.fullmatch(etag) and answer.get("ServerSideEncryption") in _PLAIN and "SSECustomerAlgorithm" not in answer:
        return _Hash(hashlib.md5(usedforsecurity=False), bytes.fromhex(etag))
    if whole and crc32 and "-" not in crc32:
        return _Crc32(base64.b64decode(crc32))
    return None


class _Hash:
    def __init__(self, hasher: Any, wanted: bytes) -> None:
        self._hasher, self._wanted = hasher, wanted

    def update(self, data: memoryview) -> None:
        self._hasher.update(data)

    def fits(self) -> bool:
        return bool(self._hasher.digest() == self._wanted)


class _Crc32:
    def __init__(self, wanted: bytes) -> None:
        self._sum, self._wanted = 0, wanted

    def update(self, data: memoryview) -> None:
        self._sum = zlib.crc32(data, self._sum)

    def fits(self) -> bool:
        return self._sum.to_bytes(4, "big") == self._wanted
