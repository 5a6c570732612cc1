"""Storage class, encryption by the store, locks and versions, as the settings of a region ask for them."""

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import pytest

from strongroom.clock import SystemClock, system_random
from strongroom.storage.errors import ObjectLockedError, UnsafeStoreError
from strongroom.storage.s3 import S3Store
from strongroom.storage.s3_bucket import S3Bucket
from strongroom.storage.s3_client import S3Access, s3_client
from strongroom.storage.s3_probing import probe_bucket
from strongroom.storage.s3_writing import LARGE_BYTES, PLAIN, LockMode, ObjectLock, S3Writing
from strongroom.storage.store import LockProof, ObjectVersion
from strongroom.storage.throttle import TrafficLimits
from tests.integration.storage.canned_server import Asked, Canned, canned_server
from tests.integration.storage.conftest import QUICK, access_to
from tests.services.s3 import REGION_NAMES, S3Region
from tests.unit.storage.store_contract import create, digest, put
from tests.unit.storage.throttled import SleptClock

if TYPE_CHECKING:
    from types_boto3_s3.literals import BucketLocationConstraintType

HOME = REGION_NAMES[0]
LARGE = bytes(LARGE_BYTES)
LOCK = ObjectLock(LockMode.GOVERNANCE, 1)


@dataclass(frozen=True)
class Bucket:
    """A new bucket, and stores that write into it in different ways."""

    region: S3Region
    name: str

    def store(self, writing: S3Writing = PLAIN) -> S3Store:
        return S3Store(self.region.name, s3_client(access_to(self.region)), self.name, "b/", writing=writing)

    def versions(self, key: str) -> int:
        answer = self.region.client().list_object_versions(Bucket=self.name, Prefix=f"b/{key}")
        return len(answer.get("Versions", [])) + len(answer.get("DeleteMarkers", []))


@pytest.fixture(params=["moto", "rgw"])
def region(request: pytest.FixtureRequest) -> S3Region:
    """A lenient server and a real one."""
    regions: dict[str, S3Region] = request.getfixturevalue(f"{request.param}_regions")
    return regions[HOME]


@pytest.fixture
def bucket(region: S3Region) -> Bucket:
    return Bucket(region, region.new_bucket())


@pytest.fixture
def versioned(bucket: Bucket) -> Bucket:
    bucket.region.client().put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    return bucket


@pytest.fixture
def lockable(region: S3Region) -> Bucket:
    name = f"locks-{secrets.token_hex(8)}"
    region.client().create_bucket(
        Bucket=name,
        ObjectLockEnabledForBucket=True,
        CreateBucketConfiguration={"LocationConstraint": cast("BucketLocationConstraintType", region.name)},
    )
    return Bucket(region, name)


def test_large_objects_get_the_storage_class_and_small_ones_do_not(moto_regions: dict[str, S3Region]) -> None:
    bucket = Bucket(moto_regions[HOME], moto_regions[HOME].new_bucket())
    store = bucket.store(S3Writing(storage_class="STANDARD_IA"))
    put(store, "large", LARGE)
    create(store, "small", b"small")
    listed = bucket.region.client().list_objects_v2(Bucket=bucket.name)["Contents"]
    assert {found["Key"]: found["StorageClass"] for found in listed} == {
        "b/large": "STANDARD_IA",
        "b/small": "STANDARD",
    }


@pytest.mark.parametrize(("encryption", "key"), [("AES256", None), ("aws:kms", "alias/bucket")])
def test_the_store_is_asked_to_encrypt(moto_regions: dict[str, S3Region], encryption: str, key: str | None) -> None:
    bucket = Bucket(moto_regions[HOME], moto_regions[HOME].new_bucket())
    store = bucket.store(S3Writing(encryption=encryption, encryption_key=key))
    put(store, "key", LARGE)
    head = bucket.region.client().head_object(Bucket=bucket.name, Key="b/key")
    assert (head["ServerSideEncryption"], head.get("SSEKMSKeyId")) == (encryption, key)
    store.confirm("key", size=len(LARGE), sha256=digest(LARGE))
    assert store.get("key") == LARGE


def test_what_is_removed_from_a_versioned_bucket_is_gone_with_all_its_versions(versioned: Bucket) -> None:
    store = versioned.store()
    for body in (b"one", b"two"):
        put(store, "key", body)
    put(store, "key-beside", b"other")
    store.delete("key")
    assert versioned.versions("key") == versioned.versions("key-beside") == 1
    assert store.get("key-beside") == b"other"
    store.delete("key")


def test_every_version_is_listed_also_what_a_mark_hides(versioned: Bucket) -> None:
    store = versioned.store()
    for body in (b"one", b"two"):
        put(store, "a/key", body)
    put(store, "b/key", b"other")
    versioned.region.client().delete_object(Bucket=versioned.name, Key="b/a/key")
    found = list(store.versions("a/"))
    assert [one.key for one in found] == ["a/key"] * 3
    assert len({one.version for one in found}) == 3
    assert list(store.list("a/")) == []
    store.delete("a/key")
    assert list(store.versions("a/")) == []


def test_without_versions_each_object_is_one(bucket: Bucket) -> None:
    store = bucket.store()
    put(store, "a/key", b"one")
    assert list(store.versions("a/")) == [ObjectVersion("a/key", "")]


def test_a_lock_is_made_longer_and_never_shorter(lockable: Bucket) -> None:
    store, now = lockable.store(S3Writing(lock=LOCK)), SystemClock().now()
    put(store, "p/key", b"body")
    far = (now + timedelta(days=9)).replace(microsecond=0)
    assert store.lock("p/key", far)
    assert store.lock("p/key", now + timedelta(days=2))
    with pytest.raises(ObjectLockedError) as kept:
        store.delete("p/key")
    assert datetime.fromisoformat(str(kept.value.details["until"])) == far


def test_key_slots_are_never_locked_for_good_and_checkpoints_not_at_all(lockable: Bucket) -> None:
    store = lockable.store(S3Writing(lock=ObjectLock(LockMode.COMPLIANCE, 1)))
    modes = {}
    for key in ("p/pack", "keys/slot", "k/checkpoint"):
        put(store, key, b"body")
        modes[key] = lockable.region.client().head_object(Bucket=lockable.name, Key=f"b/{key}").get("ObjectLockMode")
    assert modes == {"p/pack": "COMPLIANCE", "keys/slot": "GOVERNANCE", "k/checkpoint": None}
    assert not store.lock("k/checkpoint", SystemClock().now() + timedelta(days=2))
    assert not lockable.store().lock("p/pack", SystemClock().now() + timedelta(days=2))


def test_a_mark_that_hides_an_object_is_removed_too(versioned: Bucket) -> None:
    store = versioned.store()
    put(store, "key")
    versioned.region.client().delete_object(Bucket=versioned.name, Key="b/key")
    store.delete("key")
    assert versioned.versions("key") == 0


def test_a_locked_object_cannot_be_removed_and_stays_readable(lockable: Bucket) -> None:
    store = lockable.store(S3Writing(lock=LOCK))
    put(store, "put")
    create(store, "created")
    for key in ("put", "created"):
        with pytest.raises(ObjectLockedError, match="until") as caught:
            store.delete(key)
        assert not caught.value.retryable
        assert store.get(key) == b"body"


def test_a_probe_shows_that_locks_are_kept_and_leaves_nothing(lockable: Bucket) -> None:
    store = lockable.store(S3Writing(lock=LOCK))
    bucket = S3Bucket(store.region, store.client, store.bucket, store.prefix, writing=store.writing)
    found = probe_bucket(bucket, system_random, SystemClock())
    assert found == {"versioned": True, "lock": LockProof.ENFORCED}
    assert lockable.versions("probe/") == 0


def test_a_bucket_in_which_two_writers_can_create_one_object_is_refused(rgw_regions: dict[str, S3Region]) -> None:
    # This server forgets If-None-Match once a bucket keeps versions, which only a probe finds out.
    region = rgw_regions[HOME]
    bucket = Bucket(region, region.new_bucket())
    assert bucket.store().probe().create_if_absent
    region.client().put_bucket_versioning(Bucket=bucket.name, VersioningConfiguration={"Status": "Enabled"})
    with pytest.raises(UnsafeStoreError, match="create the same object"):
        bucket.store().probe()


def test_a_bucket_without_locks_is_refused_where_locks_are_asked_for(bucket: Bucket) -> None:
    assert bucket.store().probe().lock is LockProof.OFF
    with pytest.raises(UnsafeStoreError, match="no locked objects"):
        bucket.store(S3Writing(lock=LOCK)).probe()


def test_a_store_that_takes_locks_and_does_not_keep_them_is_found_out(moto_regions: dict[str, S3Region]) -> None:
    # With versions but without lock enforcement: the lock's fields are dropped on the way to the server.
    region = moto_regions[HOME]
    bucket = Bucket(region, region.new_bucket())
    store = bucket.store(S3Writing(lock=LOCK))
    store.client.meta.events.register("before-parameter-build.s3.PutObject", _forget_locks)
    assert store.probe().lock is LockProof.IGNORED


def test_a_server_that_knows_no_checksums_gets_none() -> None:
    with canned_server(_without_checksums) as server:
        store = S3Store("home", s3_client(S3Access(server.url, None, "id", "secret"), QUICK), "bucket", "b/")
        put(store, "first")
        put(store, "second")
        put(_throttled(store), "third")
    sent = [("x-amz-checksum-sha256" in asked.headers, asked.body) for asked in server.asked]
    assert sent == [(True, b"body"), (False, b"body"), (False, b"body"), (True, b"body"), (False, b"body")]
    assert all("content-md5" in asked.headers for asked in server.asked)


def _forget_locks(params: dict[str, object], **_: object) -> None:
    for name in ("ObjectLockMode", "ObjectLockRetainUntilDate"):
        params.pop(name, None)


def _without_checksums(asked: Asked) -> Canned:
    refused = "x-amz-checksum-sha256" in asked.headers
    return Canned(501, b"<Error><Code>NotImplemented</Code></Error>") if refused else Canned(200)


def _throttled(store: S3Store) -> S3Store:
    limits = TrafficLimits(upload_mib_per_second=1).throttle(clock=SleptClock())
    return S3Store(store.region, store.client, store.bucket, store.prefix, throttle=limits)
