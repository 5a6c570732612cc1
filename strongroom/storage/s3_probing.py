"""Finding out what a bucket does with versions and locks, by trying it on a canary."""

import hashlib
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import ClientError

from strongroom.clock import Clock, RandomBytes
from strongroom.storage.errors import UnsafeStoreError
from strongroom.storage.s3_bucket import S3Bucket
from strongroom.storage.s3_errors import read_answer, translated
from strongroom.storage.s3_writing import PROBE_PREFIX, LockMode
from strongroom.storage.store import LockProof

# The second time is for regions that are slow, or whose clock is ahead: a lock that ran out on the way proves nothing.
LOCKED_SECONDS = (5.0, 60.0)
_OF_SLOTS = (LockMode.GOVERNANCE,)
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
    """Say whether the bucket keeps locked canaries from being removed, where the settings ask for locks.

    One is locked in each mode that objects are locked in: there are servers that take both and keep one. What says no
    is tried once more with a longer lock. Raises UnsafeStoreError where it takes no locked objects at all.
    """
    if bucket.writing.lock is None:
        return LockProof.OFF
    for seconds in LOCKED_SECONDS:
        try:
            proof = _prove_lock_of(bucket, seconds, random, clock)
        except UnsafeStoreError:
            if seconds == LOCKED_SECONDS[-1]:
                raise
            continue
        if proof is LockProof.ENFORCED:
            return proof
    return LockProof.IGNORED


def _prove_lock_of(bucket: S3Bucket, seconds: float, random: RandomBytes, clock: Clock) -> LockProof:
    modes = sorted({bucket.writing.lock.mode, *_OF_SLOTS}) if bucket.writing.lock else _OF_SLOTS
    canaries = [(f"{PROBE_PREFIX}{random(16).hex()}", mode) for mode in modes]
    until = clock.now() + timedelta(seconds=seconds)
    versions = [_put_locked(bucket, key, mode, until) for key, mode in canaries]
    tried = zip(canaries, versions, strict=True)
    proofs = {_try_to_remove(bucket, key, mode, version) for (key, mode), version in tried}
    if LockProof.ENFORCED in proofs:
        clock.sleep(seconds + 1)
        for key, _ in canaries:
            bucket.delete(key)
    return LockProof.IGNORED if LockProof.IGNORED in proofs else LockProof.ENFORCED


def _put_locked(bucket: S3Bucket, key: str, mode: LockMode, until: datetime) -> str:
    body = b"canary"
    unlocked = replace(bucket, writing=replace(bucket.writing, lock=None))
    request = unlocked.put_request(key, body, hashlib.sha256(body).digest())
    request["ObjectLockMode"] = mode.value
    request["ObjectLockRetainUntilDate"] = until
    with translated(bucket.region, bucket.name, key):
        try:
            answer = bucket.client.put_object(**request)
        except ClientError as error:
            if read_answer(error).status not in _NO_LOCKS:
                raise
            raise UnsafeStoreError(
                f"Bucket {bucket.name} of region {bucket.region} takes no locked objects.",
                next_step="Make a bucket with object lock, which cannot be switched on later, or remove `object_lock`; "
                "where it has it, compare this machine's clock with the region's.",
                region=bucket.region,
            ) from error
    return answer.get("VersionId", "")


def _try_to_remove(bucket: S3Bucket, key: str, mode: LockMode, version: str) -> LockProof:
    # In compliance mode nobody may, whatever they are permitted and ask for.
    extra: Any = {"BypassGovernanceRetention": True} if mode is LockMode.COMPLIANCE else {}
    with translated(bucket.region, bucket.name, key):
        try:
            bucket.client.delete_object(Bucket=bucket.name, Key=bucket.prefix + key, VersionId=version, **extra)
        except ClientError as error:
            if read_answer(error).status != _REFUSED:
                raise
            return LockProof.ENFORCED
    return LockProof.IGNORED
