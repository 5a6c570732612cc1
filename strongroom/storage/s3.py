"""A region in an S3 bucket: one PutObject per object, so that the store can vouch for the whole of it.

Object `<prefix><key>`; its metadata `sha256`, and `md5` where the server does not check SHA-256, hold the hexadecimal
digests that the writer computed. Objects go through PutObject and GetObject only, never through boto3's transfer
manager.
"""

from collections.abc import Iterator
from dataclasses import KW_ONLY, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING

from strongroom.clock import Clock, RandomBytes, SystemClock, system_random
from strongroom.storage.digests import verify_body
from strongroom.storage.errors import ObjectNotFoundError
from strongroom.storage.keys import verify_key, verify_prefix
from strongroom.storage.probing import probe_store
from strongroom.storage.s3_bucket import S3Bucket
from strongroom.storage.s3_confirming import attest_object, confirm_object
from strongroom.storage.s3_creating import create_object
from strongroom.storage.s3_probing import probe_bucket, prove_lock
from strongroom.storage.s3_writing import PLAIN, S3Writing
from strongroom.storage.store import Body, Capabilities, Evidence, LockProof, ObjectInfo, ObjectVersion
from strongroom.storage.throttle import Throttle, unlimited

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

_FIRST_PAUSE_SECONDS = 0.1


@dataclass(repr=False, eq=False)
class S3Store:
    """Whole objects below a prefix of one bucket; safe among threads, processes and machines."""

    region: str
    client: "S3Client"
    bucket: str
    prefix: str = ""
    _: KW_ONLY
    provider: tuple[str, str] | None = None
    """Endpoint and access key; two regions that share them can copy between them. None is a provider of its own."""
    writing: S3Writing = PLAIN
    throttle: Throttle = field(default_factory=unlimited)
    clock: Clock = field(default_factory=SystemClock)
    random: RandomBytes = system_random

    def __post_init__(self) -> None:
        self._bucket = S3Bucket(
            self.region, self.client, self.bucket, self.prefix, self.throttle, self.writing, self.clock
        )

    def put(self, key: str, body: Body, *, sha256: bytes) -> Evidence | None:
        verify_key(key)
        verify_body(key, body, sha256)
        return self._bucket.put(key, body, sha256)

    def create(self, key: str, body: Body, *, sha256: bytes) -> None:
        verify_key(key)
        verify_body(key, body, sha256)
        create_object(self._bucket, key, body, sha256, self._pause)

    def get(self, key: str) -> bytes:
        verify_key(key)
        return self._bucket.get(key)

    def get_range(self, key: str, start: int, length: int) -> bytes:
        verify_key(key)
        if length <= 0:
            self._bucket.head(key)
            return b""
        # An HTTP range can count from the end, but then not stop before it.
        http_range = f"bytes={start}-{start + length - 1}" if start >= 0 else f"bytes={start}"
        return self._bucket.get_range(key, http_range)[:length]

    def find(self, key: str) -> ObjectInfo | None:
        verify_key(key)
        try:
            return ObjectInfo(key, self._bucket.head(key)["ContentLength"])
        except ObjectNotFoundError:
            return None

    def list(self, prefix: str) -> Iterator[ObjectInfo]:
        verify_prefix(prefix)
        return self._bucket.list(prefix)

    def versions(self, prefix: str) -> Iterator[ObjectVersion]:
        verify_prefix(prefix)
        return self._bucket.versions(prefix)

    def lock(self, key: str, until: datetime) -> bool:
        """Keep the object from being removed until then; False where the settings ask for no locks in this region.

        A lock that lasts longer already stays. Raises ObjectNotFoundError, and as any call of a store.
        """
        verify_key(key)
        return self._bucket.lock(key, until)

    def prove_lock(self) -> LockProof:
        """Find out, with a canary, whether the bucket keeps locked objects; raises UnsafeStoreError as `probe` does."""
        return prove_lock(self._bucket, self.random, self.clock)

    def delete(self, key: str) -> None:
        verify_key(key)
        self._bucket.delete(key)

    def confirm(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        verify_key(key)
        return confirm_object(self._bucket, key, size=size, sha256=sha256)

    def attest(self, key: str, *, size: int, sha256: bytes) -> Evidence:
        verify_key(key)
        return attest_object(self._bucket, key, size=size, sha256=sha256)

    def probe(self) -> Capabilities:
        found = probe_store(self, self.random)
        return replace(found, **probe_bucket(self._bucket, self.random, self.clock))

    def shares_provider(self, other: "S3Store") -> bool:
        """Say whether the provider can copy from the other region into this one."""
        return self.provider is not None and self.provider == other.provider

    def copy_from(self, other: "S3Store", key: str, size: int) -> None:
        """Have the provider copy an object from another of its regions; raises as put does, and ObjectNotFoundError."""
        verify_key(key)
        self._bucket.copy_from(other._bucket, key, size)

    def _pause(self, attempt: int) -> None:
        jitter = self.random(1)[0] / 256
        self.clock.sleep(_FIRST_PAUSE_SECONDS * 2**attempt * (0.5 + jitter))
