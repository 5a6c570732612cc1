"""A bucket as the target of a restore."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.errors import StrongroomError
from strongroom.sources.errors import TargetNotEmptyError
from strongroom.sources.s3.metadata import HEADERS, ObjectFacts

PART_BYTES = 16 << 20
MOST_PARTS = 9_000
"""Of the ten thousand that S3 takes; larger objects have larger parts."""


class BucketTarget:
    """Puts objects below a prefix of a bucket; memory holds one part, of 16 MiB for objects of up to 140 GiB."""

    def __init__(self, client: AwsClient, bucket: str, prefix: str) -> None:
        self._client = client
        self._bucket, self._prefix = bucket, prefix

    def holds_something(self) -> bool:
        """Say whether anything is there already; raises the errors of strongroom.aws.errors."""
        found = self._client.call(AwsCall.LIST_OBJECTS, Bucket=self._bucket, Prefix=self._prefix, MaxKeys=1)
        return bool(found.get("Contents"))

    def verify_empty(self) -> None:
        """Check that nothing is there; raises TargetNotEmptyError."""
        if self.holds_something():
            raise TargetNotEmptyError(
                f"There are objects in s3://{self._bucket}/{self._prefix} already.",
                next_step="Name an empty bucket or prefix, or repeat it with --overwrite --confirm.",
            )

    def keeps_versions(self) -> bool:
        """Say whether an object that is written over stays as an older version."""
        return self._client.call(AwsCall.GET_BUCKET_VERSIONING, Bucket=self._bucket).get("Status") == "Enabled"

    def put(self, facts: ObjectFacts, size: int, pieces: Iterator[memoryview]) -> None:
        """Write an object with all that S3 knew about it."""
        if size <= PART_BYTES:
            body = b"".join(pieces)
            call = AwsCall.PUT_TAGGED_OBJECT if facts.tags else AwsCall.PUT_OBJECT
            self._call(call, facts, Body=body, ContentMD5=_md5(body), **_fields(facts))
        else:
            self._put_in_parts(facts, max(PART_BYTES, -(-size // MOST_PARTS)), pieces)

    def delete(self, facts: ObjectFacts) -> None:
        """Set a delete marker, as one was there."""
        self._call(AwsCall.DELETE_OBJECT, facts)

    def _put_in_parts(self, facts: ObjectFacts, part_bytes: int, pieces: Iterator[memoryview]) -> None:
        upload = self._call(AwsCall.CREATE_MULTIPART_UPLOAD, facts, **_fields(facts))["UploadId"]
        try:
            parts = []
            for number, body in enumerate(_parts(pieces, part_bytes), start=1):
                answer = self._call(
                    AwsCall.UPLOAD_PART, facts, UploadId=upload, PartNumber=number, Body=body, ContentMD5=_md5(body)
                )
                parts.append({"PartNumber": number, "ETag": answer["ETag"]})
            self._call(AwsCall.COMPLETE_MULTIPART_UPLOAD, facts, UploadId=upload, MultipartUpload={"Parts": parts})
        except BaseException:
            # Parts of an upload that nobody ends are paid for and seen by nobody.
            with suppress(StrongroomError):
                self._call(AwsCall.ABORT_MULTIPART_UPLOAD, facts, UploadId=upload)
            raise

    def _call(self, call: AwsCall, facts: ObjectFacts, **more: Any) -> dict[str, Any]:
        return self._client.call(call, Bucket=self._bucket, Key=self._prefix + facts.key, **more)


def _fields(facts: ObjectFacts) -> dict[str, Any]:
    fields: dict[str, Any] = {HEADERS[ours]: value for ours, value in facts.headers.items()}
    fields["Metadata"] = facts.metadata
    if facts.tags:
        fields["Tagging"] = urlencode(facts.tags)
    if facts.expires:
        fields["Expires"] = datetime.fromisoformat(facts.expires)
    return fields


def _parts(pieces: Iterator[memoryview], part_bytes: int) -> Iterator[bytes]:
    gathered = bytearray()
    for piece in pieces:
        gathered += piece
        while len(gathered) >= part_bytes:
            yield bytes(gathered[:part_bytes])
            del gathered[:part_bytes]
    if gathered:
        yield bytes(gathered)


def _md5(body: bytes) -> str:
    return base64.b64encode(hashlib.md5(body, usedforsecurity=False).digest()).decode()
