"""Removing an object from a bucket that keeps versions: all of them, or it is not gone."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from strongroom.storage.errors import ObjectLockedError
from strongroom.storage.s3_errors import read_answer

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_DENIED = 403
_UNKNOWN_CALL = {400, 404, 405, 501}


class Versions:
    """The versions of the objects of one bucket; remembers whether the bucket keeps any."""

    def __init__(self, client: "S3Client", bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        self._kept: bool | None = None

    def are_kept(self) -> bool:
        """Say whether the bucket keeps, or has ever kept, what was replaced or removed."""
        return self.ask() if self._kept is None else self._kept

    def ask(self) -> bool:
        """Find out anew whether the bucket keeps versions: somebody may have switched that on since."""
        self._kept = self._kept or self._ask()
        return self._kept

    def list(self, prefix: str) -> Iterator[tuple[str, str]]:
        """Yield key and version of everything below a prefix, marks included."""
        pages = self._client.get_paginator("list_object_versions").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            for found in [*page.get("Versions", []), *page.get("DeleteMarkers", [])]:
                yield found["Key"], found["VersionId"]

    def remove_all(self, region: str, key: str) -> None:
        """Remove every version and every mark that hides one; raises ObjectLockedError while one is locked."""
        for found, version in self.list(key):
            if found == key:
                self._remove(region, key, version)

    def _ask(self) -> bool:
        try:
            return self._client.get_bucket_versioning(Bucket=self._bucket).get("Status") in {"Enabled", "Suspended"}
        except ClientError as error:
            if read_answer(error).status in _UNKNOWN_CALL:
                # A server that does not know the question keeps no versions.
                return False
            raise

    def _remove(self, region: str, key: str, version: str) -> None:
        try:
            self._client.delete_object(Bucket=self._bucket, Key=key, VersionId=version)
        except ClientError as error:
            if read_answer(error).status != _DENIED:
                raise
            until = self._locked_until(key, version)
            if until is None:
                raise
            raise ObjectLockedError(
                f"Region {region} keeps {key} under a lock until {until}.",
                next_step="Nothing is wrong: the lock does what it is for. Remove the object after that day.",
                region=region,
                until=until,
            ) from error

    def _locked_until(self, key: str, version: str) -> str | None:
        # Servers differ in which of the two calls tells, whatever their types promise.
        try:
            head: Mapping[str, Any] = self._client.head_object(Bucket=self._bucket, Key=key, VersionId=version)
            until = head.get("ObjectLockRetainUntilDate")
            if until is None:
                answer = self._client.get_object_retention(Bucket=self._bucket, Key=key, VersionId=version)
                until = answer["Retention"].get("RetainUntilDate")
        except ClientError:
            return None
        return None if until is None else str(until.isoformat())
