"""Which evidence an S3 store gives that it holds the right bytes."""

import base64
import binascii
from collections.abc import Mapping
from typing import TYPE_CHECKING

from strongroom.storage.digests import stored_mismatch, verify_stored_sha256, verify_stored_size
from strongroom.storage.s3_bucket import MD5_METADATA, SHA256_METADATA, S3Bucket
from strongroom.storage.store import Evidence

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef


def confirm_object(bucket: S3Bucket, key: str, *, size: int, sha256: bytes) -> Evidence:
    """Use the strongest evidence the store has; raises ObjectNotFoundError or ChecksumMismatchError."""
    evidence = attest_object(bucket, key, size=size, sha256=sha256)
    if evidence is not Evidence.SIZE:
        return evidence
    verify_stored_sha256(bucket.region, key, found=bucket.digest(key), expected=sha256)
    return Evidence.READ_BACK


def attest_object(bucket: S3Bucket, key: str, *, size: int, sha256: bytes) -> Evidence:
    """Use what one HEAD tells; raises ObjectNotFoundError or ChecksumMismatchError."""
    head = bucket.head(key)
    verify_stored_size(bucket.region, key, found=head["ContentLength"], expected=size)
    computed = _find_store_sha256(head)
    if computed is not None:
        verify_stored_sha256(bucket.region, key, found=computed, expected=sha256)
        return Evidence.CHECKSUM
    if _etag_vouches(bucket, key, head, sha256):
        return Evidence.ETAG
    return Evidence.SIZE


def _find_store_sha256(head: "HeadObjectOutputTypeDef") -> bytes | None:
    # A composite checksum of a multipart upload ends in "-<parts>", which is not base64.
    try:
        return base64.b64decode(head.get("ChecksumSHA256", ""), validate=True) or None
    except binascii.Error:
        return None


def _etag_vouches(bucket: S3Bucket, key: str, head: "HeadObjectOutputTypeDef", sha256: bytes) -> bool:
    # Servers differ in the case they keep metadata names in.
    metadata: Mapping[str, str] = {name.lower(): value for name, value in head["Metadata"].items()}
    recorded = metadata.get(SHA256_METADATA)
    if recorded is not None and recorded != sha256.hex():
        raise stored_mismatch(bucket.region, key, f"was stored with SHA-256 {recorded[:64]}, not {sha256.hex()}")
    return recorded is not None and head["ETag"].strip('"') == metadata.get(MD5_METADATA)
