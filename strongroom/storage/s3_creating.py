"""Creating an object exactly once over a network that loses answers."""

from collections.abc import Callable

from strongroom.storage.errors import ChecksumMismatchError, ObjectNotFoundError
from strongroom.storage.s3_bucket import S3Bucket
from strongroom.storage.s3_confirming import confirm_object
from strongroom.storage.s3_errors import Answer, translate_answer
from strongroom.storage.store import Body

_ATTEMPTS = 6
_CONFLICT = 409


def create_object(bucket: S3Bucket, key: str, body: Body, sha256: bytes, pause: Callable[[int], None]) -> None:
    """Write the object unless the key is taken; pause(n) waits before attempt n + 1 when another writer is under way.

    Raises ObjectExistsError, or StoreUnavailableError if other writers stay under way.
    """
    refusal = _put_patiently(bucket, key, body, sha256, pause)
    if refusal is not None and not _was_ours(bucket, key, body, sha256, refusal):
        raise translate_answer(refusal, bucket.region, bucket.name, key)


def _put_patiently(
    bucket: S3Bucket, key: str, body: Body, sha256: bytes, pause: Callable[[int], None]
) -> Answer | None:
    for attempt in range(_ATTEMPTS - 1):
        refusal = bucket.put_if_absent(key, body, sha256)
        if refusal is None or refusal.status != _CONFLICT:
            return refusal
        pause(attempt)
    return bucket.put_if_absent(key, body, sha256)


def _was_ours(bucket: S3Bucket, key: str, body: Body, sha256: bytes, refusal: Answer) -> bool:
    # The first request may have arrived and its answer not; then botocore's retry met the object of this very call.
    if not refusal.retries:
        return False
    try:
        confirm_object(bucket, key, size=memoryview(body).nbytes, sha256=sha256)
    except (ChecksumMismatchError, ObjectNotFoundError):
        return False
    return True
