"""What one S3 server was found to understand; learned from its answers, once."""

import threading
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from strongroom.storage.s3_errors import read_answer
from strongroom.storage.s3_versions import Versions
from strongroom.storage.throttle import PacedBody

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client
    from types_boto3_s3.type_defs import PutObjectRequestTypeDef

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

    def put(self, client: "S3Client", request: "PutObjectRequestTypeDef") -> None:
        """Send the object with its SHA-256, or without where the server does not know it; raises ClientError."""
        if self._takes_sha256 is False:
            client.put_object(**_without_sha256(request))
            return
        try:
            stored = client.put_object(**request)
        except ClientError as error:
            answer = read_answer(error)
            if self._takes_sha256 or answer.status not in _NOT_UNDERSTOOD or answer.code in _OTHER_FAULTS:
                raise
            client.put_object(**_without_sha256(request))
            self._takes_sha256 = False
        else:
            self._takes_sha256 = True
            # Servers that check it say what they found; others take the field and do nothing with it.
            self._vouches = stored.get("ChecksumSHA256") == request["ChecksumSHA256"]

    def versions(self, client: "S3Client", bucket: str) -> Versions:
        """Return what knows the bucket's versions."""
        with self._lock:
            if self._versions is None:
                self._versions = Versions(client, bucket)
            return self._versions


def _without_sha256(request: "PutObjectRequestTypeDef") -> "PutObjectRequestTypeDef":
    plain = request.copy()
    plain.pop("ChecksumSHA256", None)
    if isinstance(plain["Body"], PacedBody):
        # It was read to some point by the request that was refused.
        plain["Body"].seek(0)
    return plain
