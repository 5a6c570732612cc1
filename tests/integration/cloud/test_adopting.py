"""A catalog that is lost finds the snapshots in AWS again by their tags, in every region, and works on with them."""

import uuid
from datetime import timedelta

import pytest
from sqlalchemy import select, text

from strongroom.backup.cloud_targets import VolumeTargetRequest
from strongroom.backup.restore_requests import RestoreRequest, request_restore
from strongroom.catalog.backups import Backup, BackupState
from strongroom.catalog.base import Base
from strongroom.catalog.jobs import Job
from strongroom.catalog.retention import Hold
from strongroom.catalog.schema import upgrade
from strongroom.cloud.expiring import expire
from strongroom.retention.holding import holding_adopted
from strongroom.upkeep.rebuilding import RebuildReport, rebuild
from tests.integration.backup.conftest import TRACE
from tests.integration.cloud.conftest import Cloud

SOURCES = """
[sources.disks]
kind = "ebs"
tag = "backup={0}"
[sources.orders]
kind = "rds"
instance = "{1}"
[sources.ledger]
kind = "rds"
cluster = "{1}"
"""
SAME = (
    "source",
    "source_kind",
    "medium",
    "kind",
    "state",
    "policy",
    "regions",
    "created_at",
    "source_bytes",
    "objects",
)
ADMIN = {"MasterUsername": "anna", "MasterUserPassword": "a password"}


@pytest.fixture
def name(cloud: Cloud) -> str:
    """Have two volumes, an instance and a cluster to back up, and the name that they share."""
    # A rebuild looks at the whole account: also at what no repository is named on.
    cloud.forget_snapshots()
    name = f"db-{cloud.keys['eu'].rpartition('/')[2]}"
    named = [{"ResourceType": "volume", "Tags": [{"Key": "backup", "Value": name}]}]
    cloud.volume(TagSpecifications=named)
    cloud.volume(TagSpecifications=named)
    rds = cloud.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier=name, Engine="postgres", DBInstanceClass="db.t3.micro", StorageEncrypted=True, **ADMIN
    )
    rds.create_db_cluster(DBClusterIdentifier=name, Engine="aurora-postgresql", StorageEncrypted=True, **ADMIN)
    cloud.configure(SOURCES.format(name, name))
    return name


def lose_catalog(cloud: Cloud) -> None:
    """Begin with an empty catalog in the place of the one that was lost."""
    engine = cloud.house.services.catalog.engine
    with engine.begin() as connection:
        Base.metadata.drop_all(connection)
        connection.execute(text("DROP TABLE alembic_version"))
    upgrade(engine)


def rebuilt(cloud: Cloud) -> RebuildReport:
    services = cloud.house.services
    return rebuild(services, on_adopted=holding_adopted(services), on_progress=lambda done, total: None)


def held(cloud: Cloud) -> set[str]:
    with cloud.house.services.catalog.read() as session:
        return set(session.scalars(select(Hold.source)))


def backups(cloud: Cloud) -> dict[uuid.UUID, Backup]:
    with cloud.house.services.catalog.read() as session:
        return {backup.id: backup for backup in session.scalars(select(Backup))}


def codes(report: RebuildReport) -> list[str]:
    return [fault.code for fault in report.unreadable]


def test_after_a_rebuild_snapshots_are_known_as_before(cloud: Cloud, name: str) -> None:
    for source in ("disks", "orders", "ledger"):
        cloud.back_up(source)
    before = backups(cloud)
    lose_catalog(cloud)

    report = rebuilt(cloud)

    assert (report.adopted, report.known, codes(report)) == (3, 0, [])
    assert held(cloud) == {"disks", "orders", "ledger"}
    after = backups(cloud)
    assert after.keys() == before.keys()
    for backup_id, backup in before.items():
        again = after[backup_id]
        assert {field: getattr(again, field) for field in SAME} == {field: getattr(backup, field) for field in SAME}
        assert again.facts == backup.facts
        assert again.protected_at is not None
        assert cloud.states(Job(id=backup_id)) == {"eu": "present", "us": "present", "ap": "present"}
    assert (rebuilt(cloud).adopted, rebuilt(cloud).known) == (0, 3)


def test_what_was_adopted_is_restored_from_and_expires(cloud: Cloud, name: str) -> None:
    job = cloud.back_up("disks")
    lose_catalog(cloud)
    rebuilt(cloud)
    target = VolumeTargetRequest("us-east-1b", None, ())
    restore = request_restore(cloud.house.services, RestoreRequest(str(job.id), None, target, False, None, None, TRACE))
    done = cloud.finish(cloud.house.services.ledger.get(restore.id))
    assert (done.state, done.result["region"], len(done.result["made"])) == ("succeeded", "us", 2)

    with cloud.house.services.catalog.begin() as session:
        session.get_one(Backup, job.id).state = BackupState.RETIRED
    report = rebuilt(cloud)
    assert (report.adopted, report.retired) == (0, 1)
    assert expire(cloud.house.services, job.id) == {}
    assert [cloud.snapshots(job.id, region) for region in ("eu", "us", "ap")] == [[], [], []]


def test_copies_stand_for_a_home_region_that_is_lost(cloud: Cloud, name: str) -> None:
    job = cloud.back_up("disks")
    taken = cloud.backup(job).created_at
    for snapshot in cloud.snapshots(job.id):
        cloud.client("ec2").delete_snapshot(SnapshotId=snapshot["SnapshotId"])
    cloud.client("ec2", "ap").delete_snapshot(SnapshotId=cloud.snapshots(job.id, "ap")[0]["SnapshotId"])
    lose_catalog(cloud)
    assert rebuilt(cloud).adopted == 1
    assert cloud.states(job) == {"eu": "wanted", "us": "present", "ap": "wanted"}
    assert cloud.backup(job).created_at == taken
    assert cloud.backup(job).protected_at is None
    cloud.copy()
    assert cloud.states(job) == {"eu": "present", "us": "present", "ap": "present"}
    assert cloud.backup(job).protected_at is not None


def test_a_region_that_does_not_answer_is_named_and_looked_at_later(cloud: Cloud, name: str) -> None:
    job = cloud.back_up("disks")
    lose_catalog(cloud)
    cloud.proxy("us").refuse("DescribeSnapshots", "UnauthorizedOperation", status=403)
    report = rebuilt(cloud)
    assert [(fault.region, fault.code) for fault in report.unreadable] == [("us", "aws.permission_missing")]
    assert cloud.states(job) == {"eu": "present", "us": "wanted", "ap": "present"}
    cloud.proxy("us").behave()
    cloud.copy()
    assert cloud.states(job)["us"] == "present"
    assert len(cloud.snapshots(job.id, "us")) == 2


def test_snapshots_that_are_not_a_whole_backup_are_named_and_left_alone(cloud: Cloud, name: str) -> None:
    cloud.proxy("eu").replace("DescribeSnapshots", "completed", "pending")
    job = cloud.run(cloud.house.request("disks"))
    assert job.state == "queued"
    cloud.proxy("eu").behave()
    cloud.client("ec2").delete_snapshot(SnapshotId=cloud.snapshots(job.id)[0]["SnapshotId"])
    lose_catalog(cloud)
    report = rebuilt(cloud)
    assert (report.adopted, codes(report)) == (0, ["cloud.snapshots_incomplete"])
    assert "1 of 2" in report.unreadable[0].message
    assert len(cloud.snapshots(job.id)) == 1
    cloud.client("ec2").delete_snapshot(SnapshotId=cloud.snapshots(job.id)[0]["SnapshotId"])


def test_snapshots_of_another_installation_are_not_ours(cloud: Cloud, name: str) -> None:
    job = cloud.back_up("disks")
    lose_catalog(cloud)
    foreign = [{"Key": "strongroom:repository", "Value": str(uuid.uuid4())}]
    for region, expected in (("eu", ["cloud.unknown_owner"]), ("us", ["cloud.unknown_owner"]), ("ap", [])):
        ids = [snapshot["SnapshotId"] for snapshot in cloud.snapshots(job.id, region)]
        cloud.client("ec2", region).create_tags(Resources=ids, Tags=foreign)
        report = rebuilt(cloud)
        assert (report.adopted, codes(report), backups(cloud)) == (0, expected, {})


def test_a_sealed_copy_counts_from_when_its_original_was_taken(cloud: Cloud) -> None:
    cloud.configure(f'[sources.disk]\nkind = "ebs"\nvolume = "{cloud.volume(Encrypted=False)}"\n')
    job = cloud.back_up("disk")
    (sealed,) = cloud.snapshots(job.id)
    tags = {tag["Key"]: tag["Value"] for tag in sealed["Tags"]}
    assert cloud.backup(job).created_at.isoformat() == tags["strongroom:taken"]
    assert timedelta() <= sealed["StartTime"] - cloud.backup(job).created_at < timedelta(minutes=5)
