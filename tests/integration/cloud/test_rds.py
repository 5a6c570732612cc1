"""Databases of RDS as a source: manual and automated snapshots, encrypted copies, zones and standbys."""

import uuid
from typing import Any

import pytest
from sqlalchemy import select

from strongroom.catalog.alerts import Alert
from strongroom.catalog.databases import list_database_states
from strongroom.catalog.jobs import Job
from strongroom.cli.status import describe_database
from strongroom.cloud.confirming import confirm_all
from strongroom.cloud.rds import name_of
from strongroom.cloud.watching import watch_databases
from strongroom.levels.status import status
from strongroom.retention.retiring import retire
from tests.integration.cloud.conftest import Cloud

SOURCE = '[sources.shop]\nkind = "rds"\n{0}\npolicy = "operational-data"\n'
SECRET = "a-password-of-moto"


def instance(cloud: Cloud, **more: Any) -> str:
    name = f"shop-{uuid.uuid4().hex[:8]}"
    settings = {"StorageEncrypted": True, "KmsKeyId": cloud.keys["eu"], "MultiAZ": True} | more
    cloud.client("rds").create_db_instance(
        DBInstanceIdentifier=settings.pop("name", name),
        DBInstanceClass="db.t3.micro",
        Engine="postgres",
        AllocatedStorage=20,
        MasterUsername="shop",
        MasterUserPassword=SECRET,
        **settings,
    )
    return name


def cluster(cloud: Cloud, *, encrypted: bool = True) -> str:
    name = f"shop-{uuid.uuid4().hex[:8]}"
    cloud.client("rds").create_db_cluster(
        DBClusterIdentifier=name,
        Engine="aurora-postgresql",
        MasterUsername="shop",
        MasterUserPassword=SECRET,
        StorageEncrypted=encrypted,
    )
    return name


def held(cloud: Cloud, job: Job, region: str, noun: str = "db") -> list[dict[str, Any]]:
    describe = getattr(cloud.client("rds", region), f"describe_{noun}_snapshots")
    key = "DBClusterSnapshots" if noun == "db_cluster" else "DBSnapshots"
    return [one for one in describe(SnapshotType="manual")[key] if str(job.id) in str(one)]


def error_of(job: Job) -> str:
    assert job.last_error is not None
    return str(job.last_error["code"])


def test_an_instance_is_snapshotted_and_copied_under_each_regions_key(cloud: Cloud) -> None:
    name = instance(cloud)
    cloud.configure(SOURCE.format(f'instance = "{name}"'))
    job = cloud.back_up("shop")
    backup = cloud.backup(job)
    assert backup.protected_at is not None
    assert backup.facts["engine"] == "postgres"
    for region in ("us", "ap"):
        (copy,) = held(cloud, job, region)
        assert copy["Encrypted"]
        assert copy["KmsKeyId"] == cloud.keys[region]
        assert {"Key": "strongroom:backup", "Value": str(job.id)} in copy["TagList"]
    assert confirm_all(cloud.house.services).missing == 0
    cloud.client("rds", "us").delete_db_snapshot(DBSnapshotIdentifier=name_of(job.id))
    assert confirm_all(cloud.house.services).missing == 1
    assert cloud.backup(job).protected_at is None
    cloud.copy()
    assert cloud.backup(job).protected_at is not None
    assert retire(cloud.house.services, str(job.id), confirm="shop", by="me")[1] == []
    assert [held(cloud, job, region) for region in ("eu", "us", "ap")] == [[], [], []]


def test_an_instance_that_is_not_encrypted_leaves_only_encrypted_snapshots(cloud: Cloud) -> None:
    name = instance(cloud, StorageEncrypted=False, KmsKeyId="")
    cloud.configure(SOURCE.format(f'instance = "{name}"'))
    cloud.proxy("eu").lose("CopyDBSnapshot")
    # moto copies the flag of the snapshot, where RDS sets it for a copy with a key.
    sealed = "<DBSnapshotIdentifier>{0}-sealed</DBSnapshotIdentifier>"
    job = cloud.house.request("shop")
    cloud.proxy("eu").edit("DescribeDBSnapshots", lambda body: _encrypt(body, sealed.format(name_of(job.id))))
    job = cloud.finish(job)
    assert job.state == "succeeded", job.last_error
    assert [one["DBSnapshotIdentifier"] for one in held(cloud, job, "eu")] == [f"{name_of(job.id)}-sealed"]


def _encrypt(body: bytes, marker: str) -> bytes:
    return body.replace(b"<Encrypted>false", b"<Encrypted>true") if marker.encode() in body else body


def test_a_cluster_is_backed_up_whole(cloud: Cloud) -> None:
    name = cluster(cloud)
    cloud.configure(SOURCE.format(f'cluster = "{name}"'))
    job = cloud.back_up("shop")
    assert cloud.backup(job).facts["cluster"] is True
    assert cloud.backup(job).protected_at is not None
    (copy,) = held(cloud, job, "ap", "db_cluster")
    assert copy["KmsKeyId"] == cloud.keys["ap"]
    assert retire(cloud.house.services, str(job.id), confirm="shop", by="me")[1] == []
    assert held(cloud, job, "ap", "db_cluster") == []


def test_a_cluster_that_is_not_encrypted_is_refused(cloud: Cloud) -> None:
    cloud.configure(SOURCE.format(f'cluster = "{cluster(cloud, encrypted=False)}"'))
    job = cloud.finish(cloud.house.request("shop"))
    assert (job.state, error_of(job)) == ("failed", "cloud.not_encrypted")


def test_the_newest_automated_snapshot_is_kept_once(cloud: Cloud) -> None:
    name = instance(cloud)
    cloud.configure(SOURCE.format(f'instance = "{name}"\nsnapshots = "automated"'))
    job = cloud.back_up("shop")
    assert cloud.backup(job).facts["automated"].startswith(f"rds:{name}")
    assert "CreateDBSnapshot" not in cloud.proxy("eu").actions()
    assert cloud.backup(job).protected_at is not None
    again = cloud.finish(cloud.house.request("shop"))
    assert (again.state, error_of(again)) == ("failed", "cloud.no_new_snapshot")


def test_an_instance_that_is_being_changed_is_waited_for(cloud: Cloud) -> None:
    name = instance(cloud)
    cloud.configure(SOURCE.format(f'instance = "{name}"'))
    cloud.proxy("eu").refuse("CreateDBSnapshot", "InvalidDBInstanceState", "is modifying", times=1)
    job = cloud.run(cloud.house.request("shop"))
    assert (job.state, error_of(job)) == ("queued", "aws.busy")
    assert cloud.finish(job).state == "succeeded"


@pytest.mark.parametrize(("action", "times"), [("CreateDBSnapshot", 4), ("DescribeDBSnapshots", 1)])
def test_a_lost_answer_makes_no_second_snapshot(cloud: Cloud, action: str, times: int) -> None:
    name = instance(cloud)
    cloud.configure(SOURCE.format(f'instance = "{name}"'))
    cloud.proxy("eu").lose(action, times=times)
    job = cloud.finish(cloud.house.request("shop"))
    assert job.state == "succeeded", job.last_error
    assert len(held(cloud, job, "eu")) == 1


def test_a_database_that_is_not_there_is_said(cloud: Cloud) -> None:
    cloud.configure(SOURCE.format('instance = "nowhere"'))
    job = cloud.finish(cloud.house.request("shop"))
    assert (job.state, error_of(job)) == ("failed", "aws.not_found")


def test_zones_and_standbys_are_watched(cloud: Cloud) -> None:
    name = instance(cloud)
    cloud.configure(SOURCE.format(f'instance = "{name}"'))
    assert watch_databases(cloud.house.services) == {"shop": "available"}

    def state() -> dict[str, Any]:
        with cloud.house.services.catalog.read() as session:
            row = list_database_states(session)["shop"]
            return dict(row.state or {}) | {"fault": row.fault}

    assert state()["several_zones"]
    assert state()["zone"] == "eu-west-1a"
    (line,) = [one for one in status(cloud.house.services).sources if one.name == "shop"]
    assert line.database is not None
    assert describe_database(line.database) == "available, at eu-west-1a, standby in another zone"
    cloud.client("rds").modify_db_instance(DBInstanceIdentifier=name, MultiAZ=False, ApplyImmediately=True)
    watch_databases(cloud.house.services)
    assert _alerts(cloud) == ["rds.standby"]
    cloud.proxy("eu").refuse("DescribeDBInstances", "AccessDenied", status=403)
    assert watch_databases(cloud.house.services) == {"shop": "aws.permission_missing"}
    assert "rds:DescribeDBInstances" in state()["fault"]
    assert state()["zone"] == "eu-west-1a"
    cloud.proxy("eu").behave()
    cloud.client("rds").modify_db_instance(DBInstanceIdentifier=name, MultiAZ=True, ApplyImmediately=True)
    watch_databases(cloud.house.services)
    assert _alerts(cloud) == []


def _alerts(cloud: Cloud) -> list[str]:
    with cloud.house.services.catalog.read() as session:
        return [alert.cause for alert in session.scalars(select(Alert).where(Alert.resolved_at.is_(None)))]
