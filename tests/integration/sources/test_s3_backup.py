"""A bucket, backed up and restored as files: versions, metadata, awkward keys, and what may go wrong."""

import dataclasses
import json
import os
import secrets
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from sqlalchemy import update

from strongroom.backup.errors import OverwriteNotConfirmedError
from strongroom.backup.kinds import RequestedKind
from strongroom.backup.restore_requests import RestoreRequest, request_restore
from strongroom.backup.targets import BucketTargetRequest
from strongroom.catalog.jobs import Job
from strongroom.clock import SystemClock
from strongroom.sources.s3.metadata import ATTRIBUTE
from strongroom.sources.s3.target import PART_BYTES
from tests.integration.backup.conftest import TRACE, House, files, small_house
from tests.services.aws import FaultProxy
from tests.services.s3 import TEST_CLIENT

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

__all__ = ["small_house"]

SOURCE = """
[sources.bucket]
kind = "s3"
bucket = "{bucket}"
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "AWS_ID"
secret_key_env = "AWS_SECRET"
{more}
"""


class AnHourLater(SystemClock):
    """A clock that is ahead of the servers'."""

    def now(self) -> datetime:
        return super().now() + timedelta(hours=1)


class BucketHouse:
    """A bucket behind a proxy that can go wrong, and an installation that backs it up."""

    def __init__(self, house: House, proxy: FaultProxy, client: "S3Client") -> None:
        self.house, self.proxy, self.client = house, proxy, client
        self.bucket = f"shop-{secrets.token_hex(6)}"
        client.create_bucket(Bucket=self.bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        self.configure()

    def configure(self, more: str = "") -> None:
        text = SOURCE.format(bucket=self.bucket, endpoint=self.proxy.url, more=more)
        self.house.configure(text, AWS_ID="AKIAIOSFODNN7EXAMPLE", AWS_SECRET="secret")
        # An object that was written within the last minute is read again: here that minute is over.
        self.house.services = dataclasses.replace(self.house.services, clock=AnHourLater())

    def keep_versions(self) -> None:
        self.client.put_bucket_versioning(Bucket=self.bucket, VersioningConfiguration={"Status": "Enabled"})

    def put(self, key: str, body: bytes, **more: Any) -> str:
        return self.client.put_object(Bucket=self.bucket, Key=key, Body=body, **more).get("VersionId", "")

    def back_up(self, kind: RequestedKind = RequestedKind.AUTO) -> Job:
        job = self.attempt(kind)
        assert job.state == "succeeded", job.last_error
        return job

    def attempt(self, kind: RequestedKind = RequestedKind.AUTO) -> Job:
        return self.house.run(self.house.request("bucket", kind))

    def restored(self, backup: Job, target: str = "restored") -> dict[str, bytes]:
        job = self.house.restore(backup, target=target)
        assert job.state == "succeeded", job.last_error
        return files(self.house.directory / target)

    def new_bucket(self, *, versioned: bool = False) -> str:
        name = f"back-{secrets.token_hex(6)}"
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        if versioned:
            self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return name

    def restore_to(
        self, backup: Job, target: str, prefix: str = "", *, overwrite: bool = False, confirm: str | None = None
    ) -> Job:
        place = BucketTargetRequest(target, prefix, "bucket")
        request = RestoreRequest(str(backup.id), None, place, overwrite, confirm, None, TRACE)
        return self.house.run(self.house.services.ledger.get(request_restore(self.house.services, request).id))

    def run_again(self, job: Job) -> Job:
        with self.house.services.catalog.begin() as session:
            session.execute(update(Job).where(Job.id == job.id).values(run_after=job.created_at))
        return self.house.run(self.house.services.ledger.get(job.id))

    def count(self, method: str, word: str) -> int:
        return sum(action.startswith(method) and word in action for action in self.proxy.actions())

    def gets(self) -> list[str]:
        return [action for action in self.proxy.actions() if action.startswith("GET") and "list-type" not in action]


def code_of(job: Job) -> str | None:
    return None if job.last_error is None else str(job.last_error["code"])


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a call made twice, not four times with growing waits."""
    monkeypatch.setattr("strongroom.aws.client.ATTEMPTS", 2)


@pytest.fixture
def bucket(small_house: House, aws_regions: dict[str, FaultProxy]) -> BucketHouse:
    proxy = aws_regions["eu-west-1"]
    client = boto3.client(
        "s3",
        "eu-west-1",
        endpoint_url=proxy.target,
        aws_access_key_id="a",
        aws_secret_access_key="b",
        config=TEST_CLIENT,
    )
    return BucketHouse(small_house, proxy, client)


AWKWARD = {
    "a-b": b"before the directory",
    "a/b": b"in it",
    "a": b"the file that is a directory too",
    "a/b/c": b"and again",
    "a%/100%": b"percent",
    "folder/": b"",
    "//x//y": b"empty parts",
    "./../z": b"dots",
    "é/ü": b"not ASCII",
}


def test_every_key_becomes_a_file_of_its_own(bucket: BucketHouse) -> None:
    for key, body in AWKWARD.items():
        bucket.put(key, body)
    backup = bucket.back_up()
    assert bucket.restored(backup) == {
        "a-b": b"before the directory",
        "a/b%object": b"in it",
        "a%object": b"the file that is a directory too",
        "a/b/c": b"and again",
        "a%25/100%25": b"percent",
        "folder/%": b"",
        "%/%/x/%/y": b"empty parts",
        "%2E/%2E%2E/z": b"dots",
        "é/ü": b"not ASCII",
    }
    assert bucket.house.backup(backup).partial is False


def test_older_versions_and_deletions_are_kept_with_metadata(bucket: BucketHouse) -> None:
    bucket.keep_versions()
    bucket.put("letter", b"one", Metadata={"author": "Ada"})
    bucket.put("letter", b"two", ContentType="text/plain", Tagging="team=shop&x=1")
    bucket.put("gone", b"was here")
    bucket.client.delete_object(Bucket=bucket.bucket, Key="gone")
    found = bucket.restored(bucket.back_up())
    old = next(name for name in found if name.startswith("letter%versions/"))
    assert found["letter"] == b"two"
    assert found[old] == b"one"
    assert sorted(body for name, body in found.items() if name.startswith("gone%versions/")) == [b"", b"was here"]
    restored = bucket.house.directory / "restored"
    facts = json.loads(os.getxattr(restored / "letter", ATTRIBUTE))
    assert (facts["key"], facts["headers"]["content_type"], facts["tags"]) == (
        "letter",
        "text/plain",
        {"team": "shop", "x": "1"},
    )
    assert json.loads(os.getxattr(restored / old, ATTRIBUTE))["metadata"] == {"author": "Ada"}


def test_an_incremental_backup_asks_only_for_what_changed(bucket: BucketHouse) -> None:
    bucket.put("steady", os.urandom(1000))
    bucket.put("large", os.urandom(3_000_000))
    bucket.put("changes", b"old")
    first = bucket.back_up()
    bucket.proxy.calls.clear()
    bucket.put("changes", b"new")
    second = bucket.back_up()
    assert bucket.house.backup(second).kind == "incremental"
    assert [call for call in bucket.gets() if "/steady" in call or "/large" in call] == []
    assert bucket.restored(second)["changes"] == b"new"
    assert bucket.restored(first, "first")["changes"] == b"old"


def test_a_version_that_became_an_older_one_is_stored_once(bucket: BucketHouse) -> None:
    bucket.keep_versions()
    bucket.put("film", os.urandom(2_000_000))
    bucket.back_up()
    bucket.put("film", b"cut")
    second = bucket.house.backup(bucket.back_up())
    assert second.stored_bytes < 200_000
    assert second.reused_bytes >= 2_000_000


def test_what_was_there_before_versions_were_kept_is_a_version_of_its_own(bucket: BucketHouse) -> None:
    bucket.put("letter", b"from before")
    bucket.keep_versions()
    bucket.put("letter", b"now")
    restored = bucket.restored(bucket.back_up())
    assert restored.pop("letter") == b"now"
    assert list(restored.values()) == [b"from before"]


def test_a_bucket_comes_back_with_versions_markers_and_metadata(bucket: BucketHouse) -> None:
    bucket.keep_versions()
    bucket.put("letter", b"one", Metadata={"author": "Ada"})
    bucket.put("letter", b"two", ContentType="text/plain", Tagging="team=shop")
    bucket.put("gone", b"was here")
    bucket.client.delete_object(Bucket=bucket.bucket, Key="gone")
    large = os.urandom(PART_BYTES + 3_000_000)
    bucket.put("large", large)
    backup = bucket.back_up()
    target = bucket.new_bucket(versioned=True)
    restored = bucket.restore_to(backup, target, "back/")
    assert restored.state == "succeeded", restored.last_error
    assert restored.result is not None
    assert restored.result["problem_count"] == 0
    client = bucket.client
    assert client.get_object(Bucket=target, Key="back/large")["Body"].read() == large
    letter = client.get_object(Bucket=target, Key="back/letter")
    assert (letter["Body"].read(), letter["ContentType"]) == (b"two", "text/plain")
    tags = client.get_object_tagging(Bucket=target, Key="back/letter")["TagSet"]
    assert tags == [{"Key": "team", "Value": "shop"}]
    listed = client.list_object_versions(Bucket=target, Prefix="back/")
    old = next(row for row in listed["Versions"] if row["Key"] == "back/letter" and not row["IsLatest"])
    first = client.get_object(Bucket=target, Key="back/letter", VersionId=old["VersionId"])
    assert (first["Body"].read(), first["Metadata"]) == (b"one", {"author": "Ada"})
    assert [(row["Key"], row["IsLatest"]) for row in listed["DeleteMarkers"]] == [("back/gone", True)]


def test_a_bucket_that_keeps_no_versions_gets_what_is_current_and_says_so(bucket: BucketHouse) -> None:
    bucket.keep_versions()
    bucket.put("letter", b"one")
    bucket.put("letter", b"two")
    target = bucket.new_bucket()
    restored = bucket.restore_to(bucket.back_up(), target)
    assert restored.result is not None
    assert restored.result["problem_count"] == 1
    assert "1 older version" in restored.result["problems"][0]["reason"]
    assert bucket.client.get_object(Bucket=target, Key="letter")["Body"].read() == b"two"


def test_a_bucket_that_holds_something_is_not_filled_unless_its_name_is_confirmed(bucket: BucketHouse) -> None:
    bucket.put("letter", b"two")
    backup = bucket.back_up()
    bucket.put("letter", b"three")
    refused = bucket.restore_to(backup, bucket.bucket)
    assert (refused.state, code_of(refused)) == ("failed", "sources.target_not_empty")
    with pytest.raises(OverwriteNotConfirmedError):
        bucket.restore_to(backup, bucket.bucket, overwrite=True, confirm="letter")
    done = bucket.restore_to(backup, bucket.bucket, overwrite=True, confirm=f"s3://{bucket.bucket}")
    assert done.state == "succeeded"
    assert bucket.client.get_object(Bucket=bucket.bucket, Key="letter")["Body"].read() == b"two"


def test_a_restore_that_was_cut_short_goes_on_where_it_was(bucket: BucketHouse) -> None:
    bucket.keep_versions()
    for number in range(4):
        bucket.put("letter", b"%d" % number)
    backup = bucket.back_up()
    target = bucket.new_bucket(versioned=True)
    bucket.proxy.refuse(
        f"PUT /{target}/letter", "SlowDown", "slow down", status=503, when=lambda _: bucket.count("PUT", target) > 2
    )
    restore = bucket.restore_to(backup, target)
    assert restore.state == "queued"
    bucket.proxy.behave()
    again = bucket.run_again(restore)
    assert again.state == "succeeded", again.last_error
    versions = bucket.client.list_object_versions(Bucket=target)["Versions"]
    bodies = [
        bucket.client.get_object(Bucket=target, Key="letter", VersionId=row["VersionId"])["Body"].read()
        for row in versions
    ]
    assert bodies == [b"3", b"2", b"1", b"0"]


def test_an_object_that_may_not_be_read_is_named_with_the_permission(bucket: BucketHouse) -> None:
    bucket.put("open", b"1")
    bucket.put("closed", b"2")
    bucket.proxy.refuse(f"GET /{bucket.bucket}/closed", "AccessDenied", "no", status=403)
    job = bucket.back_up()
    assert job.result is not None
    assert job.result["partial"]
    (problem,) = job.result["problems"]
    assert (problem["path"], problem["kind"]) == ("closed", "unreadable")
    assert "s3:GetObject" in problem["reason"]


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("InvalidRequest", 400, "unreadable"),
        ("KMS.KMSInvalidStateException", 400, "unreadable"),
        ("InvalidObjectState", 403, "unsupported"),
    ],
)
def test_an_object_that_nobody_gets_now_is_named_and_the_others_are_kept(
    bucket: BucketHouse, code: str, status: int, kind: str
) -> None:
    bucket.put("open", b"1")
    bucket.put("closed", b"2")
    bucket.proxy.refuse(f"GET /{bucket.bucket}/closed", code, "no", status=status)
    job = bucket.back_up()
    assert job.result is not None
    assert [(p["path"], p["kind"]) for p in job.result["problems"]] == [("closed", kind)]
    assert bucket.restored(job) == {"open": b"1"}


def test_a_bucket_whose_objects_are_all_refused_makes_no_backup(bucket: BucketHouse) -> None:
    bucket.put("closed", b"2")
    bucket.proxy.refuse(f"GET /{bucket.bucket}/closed", "AccessDenied", "no", status=403)
    job = bucket.attempt()
    assert (job.state, code_of(job)) == ("failed", "aws.permission_missing")


@pytest.mark.parametrize(
    ("code", "status", "state", "error"),
    [
        ("SlowDown", 503, "queued", "aws.unavailable"),
        ("AccessDenied", 403, "failed", "aws.permission_missing"),
        ("ExpiredToken", 400, "failed", "aws.credentials_expired"),
        ("NoSuchBucket", 404, "failed", "aws.not_found"),
    ],
)
def test_a_listing_that_is_refused_is_repeated_only_where_that_may_help(
    bucket: BucketHouse, code: str, status: int, state: str, error: str
) -> None:
    bucket.put("x", b"1")
    bucket.proxy.refuse("*", code, status=status)
    job = bucket.attempt()
    assert (job.state, code_of(job)) == (state, error)


def test_throttling_that_passes_is_waited_for(bucket: BucketHouse) -> None:
    bucket.put("x", b"1")
    bucket.proxy.refuse(f"GET /{bucket.bucket}/x", "SlowDown", status=503, times=1)
    assert bucket.restored(bucket.back_up()) == {"x": b"1"}


def test_an_object_that_is_deleted_in_between_is_named(bucket: BucketHouse) -> None:
    bucket.put("stays", b"1")
    bucket.put("goes", b"2")
    bucket.proxy.before(
        f"GET /{bucket.bucket}/goes", lambda: bucket.client.delete_object(Bucket=bucket.bucket, Key="goes") and None
    )
    job = bucket.back_up()
    assert job.result is not None
    assert [(p["path"], p["kind"]) for p in job.result["problems"]] == [("goes", "vanished")]


def test_bytes_that_do_not_fit_the_checksum_are_read_again(bucket: BucketHouse) -> None:
    bucket.put("x", b"right")
    bucket.proxy.edit(f"GET /{bucket.bucket}/x", lambda _: b"wrong", times=1)
    assert bucket.restored(bucket.back_up()) == {"x": b"right"}


def test_an_empty_bucket_is_refused_unless_it_may_be_empty(bucket: BucketHouse) -> None:
    assert code_of(bucket.attempt()) == "sources.empty"
    bucket.configure("allow_empty = true")
    bucket.back_up()


def test_only_current_objects_below_the_prefix_are_read_where_that_is_wanted(bucket: BucketHouse) -> None:
    bucket.keep_versions()
    bucket.put("a/x", b"1")
    bucket.put("a/x", b"2")
    bucket.put("b/x", b"3")
    bucket.configure('versions = false\nprefix = "a/"')
    assert bucket.restored(bucket.back_up()) == {"a/x": b"2"}
