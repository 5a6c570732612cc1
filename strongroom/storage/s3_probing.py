"""Finding out what a bucket does with versions and locks, by trying it on a canary."""

import hashlib
from dataclasses import replace
from datetime import timedelta
from typing import Any

from botocore.exceptions import ClientError

from strongroom.clock import Clock, RandomBytes
from strongroom.storage.errors import UnsafeStoreError
from strongroom.storage.s3_bucket import S3Bucket
from strongroom.storage.s3_errors import read_answer, translated
from strongroom.storage.s3_writing import PROBE_PREFIX, LockMode
from strongroom.storage.store import LockProof

LOCKED_SECONDS = 5.0
_REFUSED = 403
_NO_LOCKS = {400, 404, 405, 409, 501}


def probe_bucket(bucket: S3Bucket, random: RandomBytes, clock: Clock) -> dict[str, Any]:
    """Return `versioned` and `lock` of the bucket's Capabilities.

    Raises UnsafeStoreError where the settings ask for locks and the bucket has none.
    """
    with translated(bucket.region, bucket.name, "the probe"):
        versioned = bucket.dialect.versions(bucket.client, bucket.name).are_kept()
    return {"versioned": versioned, "lock": prove_lock(bucket, random, clock)}


def prove_lock(bucket: S3Bucket, random: RandomBytes, clock: Clock) -> LockProof:
    """Say whether the bucket keeps a locked canary from being removed, where the settings ask for locks.

    Raises UnsafeStoreError where it takes no locked objects at all.
    """
    if bucket.writing.lock is None:
        return LockProof.OFF
    key = f"{PROBE_PREFIX}{random(16).hex()}"
    version = _put_locked(bucket, key, clock)
    proof = _try_to_remove(bucket, key, version)
    if proof is LockProof.ENFORCED:
        clock.sleep(LOCKED_SECONDS + 1)
        bucket.delete(key)
    return proof


def _put_locked(bucket: S3Bucket, key: str, clock: Clock) -> str:
    body = b"canary"
    until = clock.now() + timedelta(seconds=LOCKED_SECONDS)
    unlocked = replace(bucket, writing=replace(bucket.writing, lock=None))
    request = unlocked.put_request(key, body, hashlib.sha256(body).digest())
    request["ObjectLockMode"] = LockMode.GOVERNANCE.value
    request["ObjectLockRetainUntilDate"] = until
    with translated(bucket.region, bucket.name, key):
        try:
            answer = bucket.client.put_object(**request)
        except ClientError as error:
            if read_answer(error).status not in _NO_LOCKS:
                raise
            raise UnsafeStoreError(
                f"Bucket {bucket.name} of region {bucket.region} takes no locked objects.",
                next_step="Make a bucket with object lock, which cannot be switched on later, or remove `object_lock`.",
                region=bucket.region,
            ) from error
    return answer.get("VersionId", "")


def _try_to_remove(bucket: S3Bucket, key: str, version: str) -> LockProof:
    with translated(bucket.region, bucket.name, key):
        try:
            bucket.client.delete_object(Bucket=bucket.name, Key=bucket.prefix + key, VersionId=version)
        except ClientError as error:
            if read_answer(error).status != _REFUSED:
                raise
            return LockProof.ENFORCED
    return LockProof.IGNORED
