"""Snapshots after they were made: confirmed, mended from another region, and deleted when they are retired."""

import uuid
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from strongroom.alerts.opening import AlertType
from strongroom.backup.requests import VerificationRequest, request_verification
from strongroom.catalog.alerts import Alert
from strongroom.catalog.backups import Backup, VerificationLevel
from strongroom.catalog.jobs import Job
from strongroom.cloud.confirming import confirm_all
from strongroom.cloud.expiring import expire, reconcile
from strongroom.cloud.strays import sweep_strays
from strongroom.errors import StrongroomError
from strongroom.jobs.sweeper import sweep
from strongroom.retention.retiring import retire
from strongroom.retention.sweeping import SweepRequest, request_sweep
from tests.integration.backup.conftest import TRACE
from tests.integration.cloud.conftest import Cloud


@pytest.fixture
def made(cloud: Cloud) -> Job:
    cloud.configure(f'[sources.disk]\nkind = "ebs"\nvolume = "{cloud.volume()}"\n')
    return cloud.back_up("disk")


def lose(cloud: Cloud, job: Job, region: str) -> None:
    for snapshot in cloud.snapshots(job.id, region):
        cloud.client("ec2", region).delete_snapshot(SnapshotId=snapshot["SnapshotId"])


def alerts(cloud: Cloud) -> list[Alert]:
    with cloud.house.services.catalog.read() as session:
        return list(session.scalars(select(Alert).where(Alert.resolved_at.is_(None))))


@pytest.mark.parametrize("region", ["eu", "us"])
def test_a_snapshot_that_somebody_deleted_is_noticed_and_copied_again(cloud: Cloud, made: Job, region: str) -> None:
    assert confirm_all(cloud.house.services).missing == 0
    lose(cloud, made, region)
    report = confirm_all(cloud.house.services)
    assert (report.copies, report.missing) == (3, 1)
    assert cloud.states(made)[region] == "damaged"
    assert cloud.backup(made).protected_at is None
    assert [alert.type for alert in alerts(cloud)] == [AlertType.INTEGRITY]
    (copy,) = cloud.copy()
    assert copy.state == "succeeded", copy.last_error
    assert cloud.backup(made).protected_at is not None
    assert alerts(cloud) == []


def test_a_region_that_does_not_answer_proves_nothing(cloud: Cloud, made: Job) -> None:
    cloud.proxy("us").refuse("DescribeSnapshots", "UnauthorizedOperation", status=403)
    report = confirm_all(cloud.house.services)
    assert report.silent == ("us",)
    assert cloud.backup(made).protected_at is not None
    assert [alert.region for alert in alerts(cloud)] == ["us"]
    cloud.proxy("us").behave()
    assert confirm_all(cloud.house.services).silent == ()
    assert alerts(cloud) == []


def test_a_copy_is_verified_by_looking_for_it(cloud: Cloud, made: Job) -> None:
    def verify(region: str, level: VerificationLevel = VerificationLevel.PRESENCE) -> Job:
        request = VerificationRequest(str(made.id), region, level, None, TRACE)
        return cloud.house.run(cloud.house.services.ledger.get(request_verification(cloud.house.services, request).id))

    assert (verify("us").result or {})["passed"]
    lose(cloud, made, "us")
    assert not (verify("us").result or {})["passed"]
    assert cloud.states(made)["us"] == "damaged"
    with pytest.raises(StrongroomError, match="AWS keeps"):
        verify("us", VerificationLevel.DATA)


def test_a_retired_backup_is_deleted_in_every_region(cloud: Cloud, made: Job) -> None:
    assert expire(cloud.house.services, made.id) == {}
    assert len(cloud.snapshots(made.id)) == 1
    cloud.proxy("ap").refuse("DeleteSnapshot", "UnauthorizedOperation", status=403)
    assert retire(cloud.house.services, str(made.id), confirm="disk", by="me")[1] == ["ap"]
    assert [len(cloud.snapshots(made.id, region)) for region in ("eu", "us", "ap")] == [0, 0, 1]
    cloud.proxy("ap").behave()
    assert reconcile(cloud.house.services).expired == 1
    assert cloud.snapshots(made.id, "ap") == []
    assert reconcile(cloud.house.services).expired == 0


def snapshot_of(cloud: Cloud, volume: str, backup: uuid.UUID) -> str:
    """Make a snapshot as a worker that was held up for long does."""
    tags = [{"Key": "strongroom:backup", "Value": str(backup)}, {"Key": "strongroom:part", "Value": volume}]
    specification = [{"ResourceType": "snapshot", "Tags": tags}]
    return str(cloud.client("ec2").create_snapshot(VolumeId=volume, TagSpecifications=specification)["SnapshotId"])


def test_a_snapshot_that_comes_after_its_backup_was_given_up_is_deleted(cloud: Cloud) -> None:
    volume = cloud.volume()
    cloud.configure(f'[sources.disk]\nkind = "ebs"\nvolume = "{volume}"\n')
    job, services = cloud.house.request("disk"), cloud.house.services

    def give_up() -> None:
        services.ledger.request_cancel(job.id)
        with services.catalog.begin() as session:
            session.get_one(Job, job.id, with_for_update=True).lease_until = datetime(2020, 1, 1, tzinfo=UTC)
        sweep(services.ledger)
        assert reconcile(services).aborted == 1

    cloud.proxy("eu").before("CreateSnapshot", give_up)
    cloud.run(job)
    assert (cloud.backup(job).state, len(cloud.snapshots(job.id))) == ("aborted", 1)
    cloud.proxy("us").refuse("DescribeSnapshots", "InternalError", status=500, times=9)
    assert sweep_strays(services) == 1
    assert cloud.snapshots(job.id) == []


def test_nothing_that_the_catalog_counts_on_or_does_not_know_is_swept(cloud: Cloud) -> None:
    volume = cloud.volume()
    cloud.configure(f'[sources.disk]\nkind = "ebs"\nvolume = "{volume}"\n')
    made, services = cloud.back_up("disk"), cloud.house.services
    under_way = cloud.house.request("disk")
    cloud.proxy("eu").replace("DescribeSnapshots", "completed", "pending", times=2)
    assert cloud.run(under_way).state == "queued"
    another = snapshot_of(cloud, volume, uuid.uuid4())
    second = snapshot_of(cloud, volume, made.id)
    assert sweep_strays(services) == 1
    assert second not in [one["SnapshotId"] for one in cloud.snapshots(made.id)]
    assert [len(cloud.snapshots(made.id, region)) for region in ("eu", "us", "ap")] == [1, 1, 1]
    assert len(cloud.snapshots(under_way.id)) == 1
    assert cloud.client("ec2").describe_snapshots(SnapshotIds=[another])["Snapshots"]
    lose(cloud, made, "eu")
    snapshot_of(cloud, volume, made.id)
    assert sweep_strays(services) == 0


def test_the_policy_deletes_snapshots_as_it_does_other_backups(cloud: Cloud) -> None:
    sweeping = "[retention]\nmax_share_percent = 100\n"
    policy = "[policies.short]\nretention_days = 1\nmin_fulls = 1\n"
    source = f'[sources.disk]\nkind = "ebs"\nvolume = "{cloud.volume()}"\npolicy = "short"\n'
    cloud.configure(sweeping + policy + source)
    old, new = cloud.back_up("disk"), cloud.back_up("disk")
    services = cloud.house.services
    with services.catalog.begin() as session:
        session.get_one(Backup, old.id).created_at = services.clock.now() - timedelta(days=9)
    request = SweepRequest(
        apply=True, source="disk", max_share_percent=None, confirm=None, by="me", idempotency_key=None, trace_id=TRACE
    )
    job = cloud.finish(request_sweep(services, request))
    assert job.state == "succeeded", job.last_error
    assert cloud.backup(new).state == "committed", job.result
    assert cloud.backup(old).state == "retired", job.result
    assert [len(cloud.snapshots(old.id, region)) for region in ("eu", "us", "ap")] == [0, 0, 0]
    assert len(cloud.snapshots(new.id, "ap")) == 1
    assert (job.result or {})["unfinished"] == 0
