"""What one S3 server was found to understand; learned from its answers, once."""

import base64
import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from strongroom.storage.s3_errors import read_answer
from strongroom.storage.s3_versions import Versions
from strongroom.storage.store import Evidence
from strongroom.storage.throttle import PacedBody

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import PutObjectOutputTypeDef, PutObjectRequestTypeDef

_NOT_UNDERSTOOD = {400, 501}
_OTHER_FAULTS = {"BadDigest", "InvalidDigest", "RequestTimeout", "XAmzContentSHA256Mismatch"}


class S3Dialect:
    """Remembers whether the server takes a SHA-256 with an object, and whether the bucket keeps versions."""

    def __init__(self) -> None:
        self._takes_sha256: bool | None = None
        self._vouches = False
        self._versions: Versions | None = None
        self._lock = threading.Lock()

    @property
    def vouches(self) -> bool:
        """Say whether the server was seen to check a SHA-256, so that objects need no MD5 besides."""
        return self._vouches

    def put(self, client: "S3Client", request: "PutObjectRequestTypeDef") -> Evidence | None:
        """Send the object with its SHA-256, or without where the server does not know it; raises ClientError.

        Returns which digest of the object the answer gave, as the server computed it; None where it gave none.
        """
        return _answered_evidence(request, self._put(client, request))

    def _put(self, client: "S3Client", request: "PutObjectRequestTypeDef") -> "PutObjectOutputTypeDef":
        if self._takes_sha256 is False:
            return client.put_object(**_without_sha256(request))
        try:
            stored = client.put_object(**request)
        except ClientError as error:
            answer = read_answer(error)
            if self._takes_sha256 or answer.status not in _NOT_UNDERSTOOD or answer.code in _OTHER_FAULTS:
                raise
            stored = client.put_object(**_without_sha256(request))
            self._takes_sha256 = False
            return stored
        self._takes_sha256 = True
        # Servers that check it say what they found; others take the field and do nothing with it.
        self._vouches = stored.get("ChecksumSHA256") == request["ChecksumSHA256"]
        return stored

    def versions(self, client: "S3Client", bucket: str) -> Versions:
        """Return what knows the bucket's versions."""
        with self._lock:
            if self._versions is None:
                self._versions = Versions(client, bucket)
            return self._versions


def _answered_evidence(request: Mapping[str, Any], stored: Mapping[str, Any]) -> Evidence | None:
    if stored.get("ChecksumSHA256") == request["ChecksumSHA256"]:
        return Evidence.CHECKSUM
    md5 = base64.b64decode(request.get("ContentMD5", "")).hex()
    return Evidence.ETAG if md5 and stored.get("ETag", "").strip('"') == md5 else None


def _without_sha256(request: "PutObjectRequestTypeDef") -> "PutObjectRequestTypeDef":
    plain = request.copy()
    plain.pop("ChecksumSHA256", None)
    if isinstance(plain["Body"], PacedBody):
        # It was read to some point by the request that was refused.
        plain["Body"].seek(0)
    return plain
