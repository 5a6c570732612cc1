"""Locks that last longer: an object's retention is moved to a later moment, never to an earlier one."""

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from strongroom.storage.s3_errors import read_answer
from strongroom.storage.s3_writing import LockMode

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_NO_LOCK = {400, 404}


def extend_lock(client: "S3Client", bucket: str, key: str, mode: LockMode, until: datetime) -> None:
    """Lock the newest version of an object until then, unless it is locked for longer; raises ClientError."""
    locked = _locked_until(client, bucket, key)
    if locked is not None and locked >= until:
        return
    client.put_object_retention(Bucket=bucket, Key=key, Retention={"Mode": mode.value, "RetainUntilDate": until})


def _locked_until(client: "S3Client", bucket: str, key: str) -> datetime | None:
    try:
        head: Mapping[str, Any] = client.head_object(Bucket=bucket, Key=key)
        found = head.get("ObjectLockRetainUntilDate")
        if found is None:
            found = client.get_object_retention(Bucket=bucket, Key=key)["Retention"].get("RetainUntilDate")
    except ClientError as error:
        # An object without a lock answers the second question with an error; one that is gone, the first.
        if error.operation_name == "GetObjectRetention" and read_answer(error).status in _NO_LOCK:
            return None
        raise
    return found if isinstance(found, datetime) else None
