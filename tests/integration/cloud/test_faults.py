"""What goes wrong on the way to snapshots and copies: what passes passes, the rest is said, nothing is half there."""

import os
import signal
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.catalog.jobs import Job
from strongroom.cloud import filling
from strongroom.cloud.expiring import reconcile
from strongroom.jobs.sweeper import sweep
from strongroom.replication.reconcile import reconcile as wanted
from tests.integration.cloud.conftest import Cloud

SOURCE = '[sources.disk]\nkind = "ebs"\nvolume = "{0}"\n'
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
TAGGED = '[sources.disks]\nkind = "ebs"\ntag = "backup={0}"\n'


@pytest.fixture
def volume(cloud: Cloud) -> str:
    volume = cloud.volume()
    cloud.configure(SOURCE.format(volume))
    return volume


def error_of(job: Job) -> str:
    assert job.last_error is not None
    return str(job.last_error["code"])


def test_while_aws_works_the_job_waits_in_the_ledger_and_asks_only_once(cloud: Cloud, volume: str) -> None:
    proxy = cloud.proxy("eu")
    proxy.replace("DescribeSnapshots", "completed", "pending")
    job = cloud.house.request("disk")
    for _ in range(3):
        job = cloud.run(job)
        assert (job.state, job.last_error) == ("queued", None)
        assert job.lease_owner is None
    assert cloud.backup(job).state == "running"
    assert proxy.actions().count("CreateSnapshot") == 1
    proxy.behave()
    assert cloud.finish(job).state == "succeeded"
    assert len(cloud.snapshots(job.id)) == 1


def test_an_answer_that_gets_lost_makes_no_second_snapshot(cloud: Cloud, volume: str) -> None:
    cloud.proxy("eu").lose("CreateSnapshot")
    job = cloud.run(cloud.house.request("disk"))
    assert job.state == "queued"
    assert error_of(job) == "aws.unavailable"
    assert cloud.finish(job).state == "succeeded"
    assert len(cloud.snapshots(job.id)) == 1


def test_a_listing_that_lags_behind_makes_no_second_snapshot(cloud: Cloud, volume: str) -> None:
    proxy = cloud.proxy("eu")
    proxy.lose("CreateSnapshot")
    proxy.answer("DescribeSnapshots", "<R><snapshotSet/></R>", times=6)
    job = cloud.finish(cloud.house.request("disk"))
    assert job.state == "succeeded"
    assert proxy.actions().count("CreateSnapshot") == 1
    assert len(cloud.snapshots(job.id)) == 1


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("deadly", [AwsCall.CREATE_SNAPSHOT, AwsCall.COPY_SNAPSHOT, AwsCall.DELETE_SNAPSHOT])
def test_a_worker_killed_at_a_call_leaves_one_snapshot_in_the_end(
    cloud: Cloud,
    monkeypatch: pytest.MonkeyPatch,
    in_a_process_that_dies: Callable[[Callable[[], object]], bool],
    deadly: AwsCall,
    after: bool,
) -> None:
    # Not encrypted, so that there is a snapshot, then an encrypted copy of it, then the deletion of the first.
    cloud.configure(SOURCE.format(cloud.volume(Encrypted=False)))
    job = cloud.house.request("disk")
    call = AwsClient.call

    def dying(client: AwsClient, asked: AwsCall, **parameters: Any) -> dict[str, Any]:
        answer = call(client, asked, **parameters) if after or asked is not deadly else {}
        if asked is deadly:
            os.kill(os.getpid(), signal.SIGKILL)
        return answer

    def work() -> None:
        AwsClient.call = dying  # type: ignore[assignment,method-assign]  # in a child process that dies
        cloud.finish(job)

    cloud.house.runtime.close()
    assert not in_a_process_that_dies(work)
    with cloud.house.services.catalog.begin() as session:
        session.get_one(Job, job.id, with_for_update=True).lease_until = LONG_AGO
    sweep(cloud.house.services.ledger)
    if not after:
        monkeypatch.setattr(filling, "SETTLING", timedelta(0))
    job = cloud.finish(job)
    assert job.state == "succeeded", job.last_error
    (snapshot,) = cloud.snapshots(job.id)
    assert snapshot["Encrypted"]


def test_a_snapshot_that_ends_in_error_is_deleted_and_made_again(cloud: Cloud, volume: str) -> None:
    proxy = cloud.proxy("eu")
    proxy.replace("DescribeSnapshots", "completed", "error", times=2)
    job = cloud.run(cloud.house.request("disk"))
    assert error_of(job) == "cloud.snapshot_failed"
    assert cloud.finish(job).state == "succeeded"
    assert proxy.actions().count("CreateSnapshot") == 2
    assert len(cloud.snapshots(job.id)) == 1


def test_throttling_is_waited_out(cloud: Cloud, volume: str) -> None:
    for action in ("DescribeVolumes", "DescribeSnapshots", "CreateSnapshot"):
        cloud.proxy("eu").refuse(action, "RequestLimitExceeded", status=503, times=1)
    job = cloud.finish(cloud.house.request("disk"))
    assert job.state == "succeeded"
    assert len(cloud.snapshots(job.id)) == 1


@pytest.mark.parametrize(
    ("action", "code", "expected"),
    [
        ("DescribeVolumes", "UnauthorizedOperation", "aws.permission_missing"),
        ("CreateSnapshot", "UnauthorizedOperation", "aws.permission_missing"),
        ("CreateSnapshot", "RequestExpired", "aws.credentials_expired"),
        ("CreateSnapshot", "SnapshotLimitExceeded", "aws.quota_exceeded"),
        ("CreateSnapshot", "InvalidVolume.NotFound", "aws.not_found"),
    ],
)
def test_what_does_not_pass_fails_with_a_next_step_and_leaves_nothing(
    cloud: Cloud, volume: str, action: str, code: str, expected: str
) -> None:
    cloud.proxy("eu").refuse(action, code)
    job = cloud.finish(cloud.house.request("disk"))
    assert (job.state, error_of(job)) == ("failed", expected)
    assert job.last_error is not None
    assert job.last_error["next_step"]
    cloud.proxy("eu").behave()
    assert reconcile(cloud.house.services).aborted == 1
    assert cloud.backup(job).state == "aborted"
    assert cloud.snapshots(job.id) == []


def test_a_backup_that_is_cancelled_leaves_no_snapshot(cloud: Cloud, volume: str) -> None:
    cloud.proxy("eu").replace("DescribeSnapshots", "completed", "pending")
    job = cloud.run(cloud.house.request("disk"))
    assert len(cloud.snapshots(job.id)) == 1
    cloud.house.services.ledger.request_cancel(job.id)
    cloud.proxy("eu").refuse("DeleteSnapshot", "InternalError", status=500, times=9)
    assert reconcile(cloud.house.services).aborted == 0
    assert cloud.backup(job).state == "running"
    cloud.proxy("eu").behave()
    assert reconcile(cloud.house.services).aborted == 1
    assert cloud.snapshots(job.id) == []


def test_one_of_several_volumes_may_vanish_before_its_snapshot(cloud: Cloud) -> None:
    tag = uuid.uuid4().hex
    named = [{"ResourceType": "volume", "Tags": [{"Key": "backup", "Value": tag}]}]
    kept, gone = sorted(cloud.volume(TagSpecifications=named) for _ in range(2))
    cloud.configure(TAGGED.format(tag))
    cloud.proxy("eu").before("CreateSnapshot", lambda: cloud.client("ec2").delete_volume(VolumeId=gone))
    job = cloud.run(cloud.house.request("disks"))
    assert error_of(job) == "cloud.source_changed"
    assert cloud.finish(job).state == "succeeded"
    assert [part["name"] for part in cloud.backup(job).facts["parts"]] == [kept]


def test_a_tag_that_no_volume_has_is_said(cloud: Cloud) -> None:
    cloud.configure(TAGGED.format(uuid.uuid4().hex))
    assert error_of(cloud.finish(cloud.house.request("disks"))) == "cloud.nothing_to_snapshot"


def test_a_copy_refused_by_a_key_policy_is_said_and_the_backup_stays_unprotected(cloud: Cloud, volume: str) -> None:
    words = "not authorized to perform: kms:GenerateDataKeyWithoutPlaintext on the key"
    cloud.proxy("us").refuse("CopySnapshot", "UnauthorizedOperation", words, status=403)
    job = cloud.finish(cloud.house.request("disk"))
    copies = {copy.args["region"]: copy for copy in cloud.copy()}
    assert error_of(copies["us"]) == "aws.kms_key_refused"
    assert cloud.states(job) == {"eu": "present", "us": "wanted", "ap": "present"}
    assert cloud.backup(job).protected_at is None


def test_a_copy_that_fails_while_it_runs_is_deleted_and_never_counted(cloud: Cloud, volume: str) -> None:
    job = cloud.finish(cloud.house.request("disk"))
    cloud.proxy("us").replace("DescribeSnapshots", "completed", "error")
    copies = {copy.args["region"]: copy for copy in cloud.copy()}
    assert error_of(copies["us"]) == "cloud.snapshot_failed"
    assert cloud.snapshots(job.id, "us") == []
    assert cloud.backup(job).protected_at is None


def test_a_copy_that_is_not_done_protects_nothing(cloud: Cloud, volume: str) -> None:
    job = cloud.finish(cloud.house.request("disk"))
    cloud.proxy("ap").replace("DescribeSnapshots", "completed", "pending")
    copies = {copy.args["region"]: copy for copy in wanted(cloud.house.services)}
    cloud.finish(copies["us"])
    assert cloud.run(copies["ap"]).state == "queued"
    assert cloud.backup(job).protected_at is None
    cloud.proxy("ap").behave()
    assert cloud.finish(copies["ap"]).state == "succeeded"
    assert cloud.backup(job).protected_at is not None
    assert len(cloud.snapshots(job.id, "ap")) == 1


def test_copies_beyond_what_aws_makes_at_a_time_are_begun_when_there_is_room(cloud: Cloud) -> None:
    tag = uuid.uuid4().hex
    named = [{"ResourceType": "volume", "Tags": [{"Key": "backup", "Value": tag}]}]
    for _ in range(3):
        cloud.volume(TagSpecifications=named)
    cloud.configure(TAGGED.format(tag))
    job = cloud.finish(cloud.house.request("disks"))
    us = cloud.proxy("us")
    begun = iter([False, True, True])
    us.refuse("CopySnapshot", "ResourceLimitExceeded", times=2, when=lambda _: next(begun, False))
    us.replace("DescribeSnapshots", "completed", "pending", times=4)
    copies = {copy.args["region"]: copy for copy in wanted(cloud.house.services)}
    copy = cloud.run(copies["us"])
    assert (copy.state, copy.last_error) == ("queued", None)
    assert cloud.finish(copies["us"]).state == "succeeded"
    assert len(cloud.snapshots(job.id, "us")) == 3


def test_a_copy_under_another_key_is_not_accepted(cloud: Cloud, volume: str) -> None:
    job = cloud.finish(cloud.house.request("disk"))
    cloud.proxy("us").replace("DescribeSnapshots", cloud.keys["us"], "arn:aws:kms:us-east-1:1:key/other")
    copies = {copy.args["region"]: copy for copy in cloud.copy()}
    assert error_of(copies["us"]) == "cloud.wrong_key"
    assert cloud.snapshots(job.id, "us") == []
    assert cloud.backup(job).protected_at is None


def test_an_encrypted_copy_at_home_under_another_key_is_not_accepted(cloud: Cloud) -> None:
    cloud.configure(SOURCE.format(cloud.volume(Encrypted=False)))
    cloud.proxy("eu").replace("DescribeSnapshots", cloud.keys["eu"], "arn:aws:kms:eu-west-1:1:key/other")
    job = cloud.finish(cloud.house.request("disk"))
    assert (job.state, error_of(job)) == ("failed", "cloud.wrong_key")
    assert cloud.snapshots(job.id) == []


def test_the_last_copy_stays_under_whatever_key_it_is(cloud: Cloud, volume: str) -> None:
    job = cloud.finish(cloud.house.request("disk"))
    cloud.proxy("us").replace("DescribeSnapshots", "completed", "pending", times=2)
    copy = cloud.run({copy.args["region"]: copy for copy in wanted(cloud.house.services)}["us"])
    (home,) = cloud.snapshots(job.id)
    cloud.client("ec2").delete_snapshot(SnapshotId=home["SnapshotId"])
    cloud.keys["us"] = cloud.client("kms", "us").create_key()["KeyMetadata"]["Arn"]
    cloud.configure(SOURCE.format(volume))
    copy = cloud.run(copy)
    assert (copy.state, error_of(copy)) == ("queued", "cloud.no_origin")
    assert len(cloud.snapshots(job.id, "us")) == 1
    assert cloud.backup(job).protected_at is None
