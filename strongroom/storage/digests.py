"""Proof that bytes are the ones that were meant, before they leave and after they arrived."""

import hashlib
import hmac
import os
from pathlib import Path

from strongroom.storage.direct import file_sha256, read_back
from strongroom.storage.errors import ChecksumMismatchError
from strongroom.storage.store import Body


def verify_body(key: str, body: Body, sha256: bytes) -> None:
    """Catch memory corruption before it is stored; raises ChecksumMismatchError."""
    _verify_unchanged(key, hashlib.sha256(body).digest(), sha256)


def verify_written(key: str, path: Path, sha256: bytes) -> None:
    """Read back what was written and is to become an object; raises ChecksumMismatchError, OSError."""
    with path.open("rb", buffering=0) as file:
        _verify_unchanged(key, file_sha256(file.fileno()), sha256)


def read_written(path: Path, into: memoryview) -> None:
    """Read back what was written into the memory that it came from; raises ChecksumMismatchError, OSError."""
    with path.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if size != len(into) or read_back(file.fileno(), into) != size:
            raise ChecksumMismatchError(
                f"The disk holds {size} bytes of an object that has {len(into)}; nothing was stored.",
                next_step="Run the job again; if it happens twice, test the disk of the region.",
            )


def _verify_unchanged(key: str, found: bytes, sha256: bytes) -> None:
    if not hmac.compare_digest(found, sha256):
        raise ChecksumMismatchError(
            f"The bytes to be stored as {key} no longer have the SHA-256 they were made with; nothing was stored.",
            next_step="Run the job again; if it happens twice, test this machine's memory.",
            key=key,
        )


def verify_stored_size(region: str, key: str, *, found: int, expected: int) -> None:
    """Compare sizes in bytes; raises ChecksumMismatchError."""
    if found != expected:
        raise stored_mismatch(region, key, f"holds {found} bytes where {expected} were stored")


def verify_stored_sha256(region: str, key: str, *, found: bytes, expected: bytes) -> None:
    """Compare digests; raises ChecksumMismatchError."""
    if not hmac.compare_digest(found, expected):
        raise stored_mismatch(region, key, f"has SHA-256 {found.hex()} where {expected.hex()} was stored")


def stored_mismatch(region: str, key: str, finding: str) -> ChecksumMismatchError:
    """Word the finding about a stored object that is not what it should be."""
    return ChecksumMismatchError(
        f"Object {key} in region {region} {finding}.",
        next_step="Restore from another region; `strongroom backup verify` of this one has it mended from there.",
        region=region,
        key=key,
    )
