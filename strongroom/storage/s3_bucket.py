"""The S3 calls Strongroom makes, in its own terms and with its own errors."""

import base64
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, TYPE_CHECKING, cast

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from strongroom.clock import Clock, SystemClock
from strongroom.storage.errors import ObjectNotFoundError
from strongroom.storage.keys import is_key
from strongroom.storage.s3_dialect import S3Dialect
from strongroom.storage.s3_errors import Answer, read_answer, translated
from strongroom.storage.s3_locking import extend_lock
from strongroom.storage.s3_writing import PLAIN, S3Writing
from strongroom.storage.store import Body, Evidence, ObjectInfo, ObjectVersion
from strongroom.storage.throttle import SLICE_BYTES, PacedBody, Throttle, unlimited

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef, ListObjectsV2OutputTypeDef, PutObjectRequestTypeDef

SHA256_METADATA = "sha256"
MD5_METADATA = "md5"

_REFUSED_CREATIONS = {409, 412}
_INVALID_RANGE = 416
_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """One bucket and the prefix that all keys start with in it; every method raises what the Store contract names."""

    region: str
    client: "S3Client"
    name: str
    prefix: str
    throttle: Throttle = field(default_factory=unlimited)
    writing: S3Writing = PLAIN
    clock: Clock = field(default_factory=SystemClock)
    dialect: S3Dialect = field(default_factory=S3Dialect)

    def put(self, key: str, body: Body, sha256: bytes) -> Evidence | None:
        """Write or replace an object; return the evidence that the answer is, if it is any."""
        with translated(self.region, self.name, key):
            return self._send(self.put_request(key, body, sha256))

    def put_if_absent(self, key: str, body: Body, sha256: bytes) -> Answer | None:
        """Write an object unless the key is taken; return the server's refusal (409 or 412), or None when written."""
        request = self.put_request(key, body, sha256)
        request["IfNoneMatch"] = "*"
        with translated(self.region, self.name, key):
            try:
                self._send(request)
            except ClientError as error:
                answer = read_answer(error)
                if answer.status not in _REFUSED_CREATIONS:
                    raise
                return answer
        return None

    def head(self, key: str) -> "HeadObjectOutputTypeDef":
        """Return what the store knows of the object without sending it."""
        self.throttle.requests.pay(1)
        try:
            with translated(self.region, self.name, key):
                return self.client.head_object(Bucket=self.name, Key=self.prefix + key, ChecksumMode="ENABLED")
        except ObjectNotFoundError:
            # The answer to HEAD has no body, so a missing bucket looks like a missing object.
            self._verify_bucket(key)
            raise

    def get(self, key: str) -> bytes:
        """Return the whole object."""
        self.throttle.requests.pay(1)
        with translated(self.region, self.name, key):
            return self._received(self.client.get_object(Bucket=self.name, Key=self.prefix + key)["Body"])

    def get_range(self, key: str, http_range: str) -> bytes:
        """Return the bytes of an HTTP range such as `bytes=0-9`; none where it lies behind the end."""
        self.throttle.requests.pay(1)
        with translated(self.region, self.name, key):
            try:
                answer = self.client.get_object(Bucket=self.name, Key=self.prefix + key, Range=http_range)
                return self._received(answer["Body"])
            except ClientError as error:
                if read_answer(error).status != _INVALID_RANGE:
                    raise
        return b""

    def digest(self, key: str) -> bytes:
        """Read the object and return its SHA-256."""
        digest = hashlib.sha256()
        self.throttle.requests.pay(1)
        with translated(self.region, self.name, key):
            for chunk in self.client.get_object(Bucket=self.name, Key=self.prefix + key)["Body"].iter_chunks(_CHUNK):
                self.throttle.download.pay(len(chunk))
                digest.update(chunk)
        return digest.digest()

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        """Yield the objects whose key starts with prefix; what others keep below the bucket's prefix is left out."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=self.prefix + prefix)
        with translated(self.region, self.name, "the listing"):
            for page in pages:
                self.throttle.requests.pay(1)
                yield from self._objects(page)

    def delete(self, key: str) -> None:
        """Remove the object, with every version that a versioned bucket keeps of it; raises ObjectLockedError."""
        self.throttle.requests.pay(1)
        with translated(self.region, self.name, key):
            versions = self.dialect.versions(self.client, self.name)
            if versions.are_kept():
                versions.remove_all(self.region, self.prefix + key)
            else:
                self.client.delete_object(Bucket=self.name, Key=self.prefix + key)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        """Yield every version, and every mark that hides one, of the objects whose key starts with prefix."""
        with translated(self.region, self.name, "the listing of versions"):
            versions = self.dialect.versions(self.client, self.name)
            # Whoever asks wants all of them, and to remove them for good: that is not left to what was so once.
            if not versions.ask():
                yield from (ObjectVersion(found.key, "") for found in self.list(prefix))
                return
            for key, version in versions.list(self.prefix + prefix):
                yield ObjectVersion(key.removeprefix(self.prefix), version)

    def lock(self, key: str, until: datetime) -> bool:
        """Lock what stands under the key until then, or longer where it is already; say whether locks are wanted."""
        mode = self.writing.lock_mode(key)
        if mode is None:
            return False
        self.throttle.requests.pay(1)
        with translated(self.region, self.name, key):
            extend_lock(self.client, self.name, self.prefix + key, mode, until)
        return True

    def copy_from(self, source: "S3Bucket", key: str, size: int) -> None:
        """Have the provider copy the object from another of its buckets; no byte passes through here."""
        self.throttle.requests.pay(1)
        with translated(self.region, self.name, key):
            self.client.copy_object(
                Bucket=self.name,
                Key=self.prefix + key,
                CopySource={"Bucket": source.name, "Key": source.prefix + key},
                MetadataDirective="COPY",
                ChecksumAlgorithm="SHA256",
                **self.writing.fields(key, size, self.clock.now()),
            )

    def _send(self, request: "PutObjectRequestTypeDef") -> Evidence | None:
        self.throttle.requests.pay(1)
        return self.dialect.put(self.client, request)

    def _objects(self, page: "ListObjectsV2OutputTypeDef") -> Iterator[ObjectInfo]:
        for found in page.get("Contents", []):
            key = found["Key"].removeprefix(self.prefix)
            if is_key(key):
                yield ObjectInfo(key, found["Size"])

    def _received(self, stream: "StreamingBody") -> bytes:
        if not self.throttle.download.is_limited:
            return stream.read()
        parts: list[bytes] = []
        for part in stream.iter_chunks(SLICE_BYTES):
            self.throttle.download.pay(len(part))
            parts.append(part)
        return b"".join(parts)

    def _verify_bucket(self, key: str) -> None:
        with translated(self.region, self.name, key):
            self.client.list_objects_v2(Bucket=self.name, Prefix=self.prefix + key, MaxKeys=1)

    def _outgoing(self, body: Body) -> bytes | IO[bytes]:
        # botocore takes bytes and bytearray, which its types do not say, but no memoryview, and packs are not copied.
        is_large = memoryview(body).nbytes > SLICE_BYTES
        if self.throttle.upload.is_limited or is_large or isinstance(body, memoryview):
            return cast("IO[bytes]", PacedBody(body, self.throttle.upload))
        return cast("bytes", body)

    def put_request(self, key: str, body: Body, sha256: bytes) -> "PutObjectRequestTypeDef":
        """Return the fields of PutObject for one object, with its MD5 unless the server is known to check SHA-256."""
        metadata = {SHA256_METADATA: sha256.hex()}
        request = {
            "Bucket": self.name,
            "Key": self.prefix + key,
            "Body": self._outgoing(body),
            "ChecksumSHA256": base64.b64encode(sha256).decode("ascii"),
            "ContentType": "application/octet-stream",
            "Metadata": metadata,
        }
        if not self.dialect.vouches:
            md5 = hashlib.md5(body, usedforsecurity=False).digest()
            request["ContentMD5"] = base64.b64encode(md5).decode("ascii")
            metadata[MD5_METADATA] = md5.hex()
        fields = self.writing.fields(key, memoryview(body).nbytes, self.clock.now())
        return cast("PutObjectRequestTypeDef", {**request, **fields})
