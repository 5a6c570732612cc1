"""Locks until the policy's end, against a real store that keeps locked objects, and one that does not."""

import dataclasses
import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

import pytest

from strongroom.backup.kinds import RequestedKind
from strongroom.catalog.alerts import Alert, AlertState
from strongroom.catalog.retention import BackupLock, ShredState, expiry_regions
from strongroom.repository.shredding import find_receipt
from strongroom.retention.collecting import CollectionRequest, request_collection
from strongroom.retention.locking import request_locking
from strongroom.retention.retiring import retire
from strongroom.services import Services
from strongroom.storage.s3 import S3Store
from strongroom.storage.s3_client import s3_client
from strongroom.storage.s3_writing import PLAIN, LockMode, ObjectLock, S3Writing
from strongroom.storage.store import LockProof
from tests.integration.backup.conftest import TRACE, House
from tests.integration.retention.conftest import aged, result, swept
from tests.integration.storage.conftest import access_to
from tests.services.s3 import REGION_NAMES, S3Region

if TYPE_CHECKING:
    from types_boto3_s3.literals import BucketLocationConstraintType

LOCKED = S3Writing(lock=ObjectLock(LockMode.COMPLIANCE, 1))


@dataclasses.dataclass(frozen=True)
class Bucket:
    """The region `us` as a bucket, looked at with a client of its own."""

    region: S3Region
    name: str

    def store(self, writing: S3Writing) -> S3Store:
        return S3Store("us", s3_client(access_to(self.region)), self.name, "b/", writing=writing)

    def until(self, key: str) -> tuple[datetime | None, str | None]:
        head: Mapping[str, Any] = self.region.client().head_object(Bucket=self.name, Key=f"b/{key}")
        return head.get("ObjectLockRetainUntilDate"), head.get("ObjectLockMode")


@pytest.fixture
def region(rgw_regions: dict[str, S3Region]) -> S3Region:
    return rgw_regions[REGION_NAMES[0]]


@pytest.fixture
def bucket(region: S3Region) -> Bucket:
    name = f"locks-{secrets.token_hex(8)}"
    place = cast("BucketLocationConstraintType", region.name)
    region.client().create_bucket(
        Bucket=name, ObjectLockEnabledForBucket=True, CreateBucketConfiguration={"LocationConstraint": place}
    )
    return Bucket(region, name)


def with_bucket(house: House, store: S3Store, mode: str | None) -> Services:
    """Let the region `us` be a bucket, with locks if there is a mode."""
    regions = tuple(
        one.model_copy(update={"object_lock": mode}) if one.name == "us" else one
        for one in house.services.settings.regions
    )
    settings = house.services.settings.model_copy(update={"regions": regions})
    stores = dict(house.services.stores) | {"us": store}
    house.services = dataclasses.replace(house.services, settings=settings, stores=stores)
    return house.services


def locks(house: House) -> dict[object, datetime]:
    with house.services.catalog.read() as session:
        return {row.backup_id: row.until for row in session.query(BackupLock)}


def test_what_a_backup_consists_of_is_locked_until_its_policy_ends(small_house: House, bucket: Bucket) -> None:
    services = with_bucket(small_house, bucket.store(LOCKED), "compliance")
    old = small_house.back_up(RequestedKind.FULL)
    aged(small_house, old, 30)
    child = small_house.back_up(RequestedKind.INCREMENTAL)

    (job,) = request_locking(services)
    done = result(small_house.run(job))

    assert (done["backups"], done["enforced"]) == (2, True)
    ends = locks(small_house)
    assert ends[old.id] < ends[child.id]
    assert ends[child.id] == small_house.backup(child).created_at + timedelta(days=90)
    parts = {"p/": "COMPLIANCE", f"m/tree/{child.id.hex}": "COMPLIANCE", f"c/tree/{child.id.hex}": "COMPLIANCE"}
    for prefix, mode in (parts | {f"keys/{child.id.hex}/": "GOVERNANCE"}).items():
        found = [info.key for info in services.stores["us"].list(prefix)]
        assert found
        for key in found:
            until, kept_in = bucket.until(key)
            assert until is not None
            # A pack that an older backup shares is kept for the younger one.
            assert abs(until - ends[child.id]) < timedelta(seconds=1)
            assert kept_in == mode
    assert request_locking(services) == []


def test_what_is_locked_is_retained_and_goes_when_its_day_has_come(small_house: House, bucket: Bucket) -> None:
    with_bucket(small_house, bucket.store(LOCKED), "compliance")
    old, _ = small_house.back_up(RequestedKind.FULL), small_house.back_up(RequestedKind.FULL)

    assert retire(small_house.services, str(old.id), confirm="tree", by="anna")[1] == []

    with small_house.services.catalog.read() as session:
        states = {one.region: one for one in expiry_regions(session, old.id)}
    assert {name: one.state for name, one in states.items()} == {
        "eu": ShredState.DONE, "us": ShredState.RETAINED, "ap": ShredState.DONE
    }  # fmt: skip
    assert states["us"].retained_until is not None
    done = result(swept(small_house))
    assert (done["shredded"], done["unfinished"]) == (0, 1)
    assert str(old.id) in str(done["retained_until"])
    collected = result(
        small_house.run(request_collection(small_house.services, CollectionRequest("us", True, 100, None, TRACE)))
    )
    assert (collected["objects"], collected["retained_until"] is not None) == (0, True)
    home = small_house.services.stores["eu"]
    assert find_receipt(small_house.services.open_repository(), home, "tree", old.id) is None


def test_a_versioned_bucket_loses_every_version_of_the_slots_and_the_receipt_names_them(
    small_house: House, bucket: Bucket
) -> None:
    store = bucket.store(PLAIN)
    services = with_bucket(small_house, store, None)
    old, _ = small_house.back_up(RequestedKind.FULL), small_house.back_up(RequestedKind.FULL)
    slots = [info.key for info in store.list(f"keys/{old.id.hex}/")]
    # What somebody wrote over and what somebody hid is a key all the same.
    first, second = slots[:2]
    raw = store.get(first)
    bucket.region.client().put_object(Bucket=bucket.name, Key=f"b/{first}", Body=raw)
    bucket.region.client().delete_object(Bucket=bucket.name, Key=f"b/{second}")

    retire(services, str(old.id), confirm="tree", by="anna")

    assert list(store.versions(f"keys/{old.id.hex}/")) == []
    receipt = find_receipt(services.open_repository(), store, "tree", old.id)
    assert receipt is not None
    (there,) = [one for one in receipt.regions if one.region == "us"]
    assert there.count == len(there.slots) == 5
    assert [slot.key for slot in there.slots].count(first) == [slot.key for slot in there.slots].count(second) == 2
    assert len({slot.version for slot in there.slots}) == 5


def test_versions_that_a_bucket_began_to_keep_while_a_worker_ran_are_removed_too(
    small_house: House, region: S3Region
) -> None:
    client, name = region.client(), f"plain-{secrets.token_hex(8)}"
    place = cast("BucketLocationConstraintType", region.name)
    client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": place})
    store = Bucket(region, name).store(PLAIN)
    services = with_bucket(small_house, store, None)
    old, _ = small_house.back_up(RequestedKind.FULL), small_house.back_up(RequestedKind.FULL)
    # What is removed first has the store remember that the bucket keeps no versions.
    store.delete("probe/nothing")
    client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})

    retire(services, str(old.id), confirm="tree", by="anna")

    found = client.list_object_versions(Bucket=name, Prefix=f"b/keys/{old.id.hex}/")
    assert not found.get("Versions", []) + found.get("DeleteMarkers", [])


def lying_store(bucket: Bucket, *ignored: str) -> S3Store:
    """Return the bucket of a server that takes every lock and forgets those of some modes."""

    def forget(params: dict[str, Any], **_: object) -> None:
        if params.get("ObjectLockMode") in ignored:
            del params["ObjectLockMode"], params["ObjectLockRetainUntilDate"]

    client = s3_client(access_to(bucket.region))
    client.meta.events.register("before-parameter-build.s3.PutObject", forget)
    return S3Store("us", client, bucket.name, "b/", writing=LOCKED)


def test_a_region_that_keeps_locks_of_one_mode_only_is_found_out(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strongroom.storage.s3_probing.LOCKED_SECONDS", (5.0,))
    assert lying_store(bucket, "COMPLIANCE").prove_lock() is LockProof.IGNORED
    assert list(bucket.store(LOCKED).list("probe/")) == []


def test_a_lock_that_ran_out_on_the_way_proves_nothing(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.storage.s3_probing.LOCKED_SECONDS", (0.0, 5.0))
    assert bucket.store(LOCKED).prove_lock() is LockProof.ENFORCED


def test_a_region_that_ignores_its_locks_is_an_alert(small_house: House, bucket: Bucket) -> None:
    services = with_bucket(small_house, lying_store(bucket, "COMPLIANCE", "GOVERNANCE"), "compliance")
    small_house.back_up()
    (job,) = request_locking(services)
    assert result(small_house.run(job))["enforced"] is False
    with services.catalog.read() as session:
        (alert,) = session.query(Alert)
        assert (alert.cause, alert.region, alert.state) == ("retention.lock_ignored", "us", AlertState.OPEN)
