"""Snapshots become new volumes and databases; nothing that exists is touched, and no restore makes two."""

from typing import Any

import pytest

from strongroom.backup.cloud_targets import CloudTargetRequest, RdsTargetRequest, VolumeTargetRequest
from strongroom.backup.planning import plan_restore
from strongroom.backup.restore_requests import RestoreRequest, request_restore
from strongroom.backup.targets import FilesTargetRequest, TargetRequest
from strongroom.catalog.jobs import Job
from strongroom.errors import StrongroomError
from tests.integration.backup.conftest import TRACE
from tests.integration.cloud.conftest import PLACES, Cloud
from tests.integration.cloud.test_rds import SOURCE, cluster, error_of, instance


@pytest.fixture
def made(cloud: Cloud) -> Job:
    cloud.configure(f'[sources.disk]\nkind = "ebs"\nvolume = "{cloud.volume()}"\n')
    return cloud.back_up("disk")


def wanted(backup: Job, target: TargetRequest, region: str | None = None, *, overwrite: bool = False) -> RestoreRequest:
    return RestoreRequest(str(backup.id), region, target, overwrite, None, None, TRACE)


def restore(cloud: Cloud, backup: Job, target: CloudTargetRequest, region: str | None = None) -> Job:
    asked = request_restore(cloud.house.services, wanted(backup, target, region))
    return cloud.finish(cloud.house.services.ledger.get(asked.id))


def volumes_of(cloud: Cloud, job: Job, region: str) -> list[dict[str, Any]]:
    tagged = [{"Name": "tag:strongroom:restore", "Values": [str(job.id)]}]
    found: list[dict[str, Any]] = cloud.client("ec2", region).describe_volumes(Filters=tagged)["Volumes"]
    return found


@pytest.mark.parametrize("region", ["eu", "us"])
def test_a_volume_is_made_in_a_zone_of_any_region_that_holds_the_snapshot(cloud: Cloud, made: Job, region: str) -> None:
    job = restore(cloud, made, VolumeTargetRequest(f"{PLACES[region]}a", "gp3"))
    assert job.state == "succeeded", job.last_error
    (volume,) = volumes_of(cloud, job, region)
    (snapshot,) = cloud.snapshots(made.id, region)
    assert (volume["SnapshotId"], volume["VolumeType"]) == (snapshot["SnapshotId"], "gp3")
    assert (job.result or {})["region"] == region
    assert list((job.result or {})["made"].values()) == [volume["VolumeId"]]


def test_a_restore_waits_for_its_volume_and_makes_only_one(cloud: Cloud, made: Job) -> None:
    cloud.proxy("eu").lose("CreateVolume")
    cloud.proxy("eu").replace("DescribeVolumes", "available", "creating", times=2)
    job = restore(cloud, made, VolumeTargetRequest("eu-west-1a"))
    assert job.state == "succeeded", job.last_error
    assert len(volumes_of(cloud, job, "eu")) == 1


def test_what_does_not_fit_is_refused_before_anything_is_queued(cloud: Cloud, made: Job) -> None:
    for target in (
        VolumeTargetRequest("nowhere"),
        VolumeTargetRequest("eu-west-1a", only=("vol-00000000",)),
        RdsTargetRequest("shop"),
        FilesTargetRequest(cloud.house.directory),
    ):
        with pytest.raises(StrongroomError) as raised:
            request_restore(cloud.house.services, wanted(made, target))
        assert raised.value.code == "backup.target_kind"
    with pytest.raises(StrongroomError, match="nothing is overwritten"):
        request_restore(cloud.house.services, wanted(made, VolumeTargetRequest("eu-west-1a"), overwrite=True))


def test_a_zone_where_no_copy_is_says_where_there_are_some(cloud: Cloud, made: Job) -> None:
    job = restore(cloud, made, VolumeTargetRequest("sa-east-1a"))
    assert (job.state, error_of(job)) == ("failed", "cloud.copy_missing")


def test_a_plan_names_region_and_size_and_asks_nobody(cloud: Cloud, made: Job) -> None:
    for name in PLACES:
        cloud.proxy(name).calls.clear()
    plan = plan_restore(cloud.house.services, wanted(made, VolumeTargetRequest("eu-west-1a")))
    assert (plan.region, plan.bytes, plan.packs) == ("eu", 1 << 30, 1)
    assert plan_restore(cloud.house.services, wanted(made, VolumeTargetRequest("us-east-1a"))).region == "us"
    assert not any(cloud.proxy(name).calls for name in PLACES)
    with pytest.raises(StrongroomError, match="has no whole copy"):
        plan_restore(cloud.house.services, wanted(made, VolumeTargetRequest("sa-east-1a")))


def test_an_instance_is_restored_under_a_new_name(cloud: Cloud) -> None:
    name = instance(cloud)
    cloud.configure(SOURCE.format(f'instance = "{name}"'))
    backup = cloud.back_up("shop")
    job = restore(cloud, backup, RdsTargetRequest(f"{name}-new", "db.t3.micro"), "us")
    assert job.state == "succeeded", job.last_error
    (made,) = cloud.client("rds", "us").describe_db_instances(DBInstanceIdentifier=f"{name}-new")["DBInstances"]
    assert made["DBInstanceStatus"] == "available"
    taken = restore(cloud, backup, RdsTargetRequest(f"{name}-new"), "us")
    assert (taken.state, error_of(taken)) == ("failed", "cloud.target_taken")


def test_a_cluster_is_restored_with_an_instance_in_it(cloud: Cloud) -> None:
    name = cluster(cloud)
    cloud.configure(SOURCE.format(f'cluster = "{name}"'))
    job = restore(cloud, cloud.back_up("shop"), RdsTargetRequest(f"{name}-new", "db.r6g.large"), "ap")
    assert job.state == "succeeded", job.last_error
    rds = cloud.client("rds", "ap")
    assert rds.describe_db_clusters(DBClusterIdentifier=f"{name}-new")["DBClusters"]
    (member,) = rds.describe_db_instances(DBInstanceIdentifier=f"{name}-new-1")["DBInstances"]
    assert member["DBClusterIdentifier"] == f"{name}-new"


def test_what_one_region_began_is_not_begun_again_in_another(cloud: Cloud, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("strongroom.aws.client.ATTEMPTS", 1)
    name = instance(cloud)
    cloud.configure(SOURCE.format(f'instance = "{name}"'))
    target = RdsTargetRequest(f"{name}-new", "db.t3.micro")
    asked = request_restore(cloud.house.services, wanted(cloud.back_up("shop"), target))
    cloud.proxy("eu").replace("DescribeDBInstances", "available", "creating", times=2)
    job = cloud.run(cloud.house.services.ledger.get(asked.id))
    cloud.proxy("eu").refuse("DescribeDBSnapshots", "ServiceUnavailable", status=503, times=1)
    job = cloud.run(job)
    assert (job.state, error_of(job)) == ("queued", "aws.unavailable")
    assert cloud.finish(job).state == "succeeded"
    made = {call.region for region in PLACES for call in cloud.proxy(region).calls if "Restore" in call.action}
    assert made == {PLACES["eu"]}


def test_a_name_that_the_clusters_instance_cannot_have_is_refused_before_the_cluster_is_made(cloud: Cloud) -> None:
    name = cluster(cloud)
    cloud.configure(SOURCE.format(f'cluster = "{name}"'))
    backup = cloud.back_up("shop")
    instance(cloud, name=f"{name}-new-1")
    job = restore(cloud, backup, RdsTargetRequest(f"{name}-new", "db.r6g.large"), "eu")
    assert (job.state, error_of(job)) == ("failed", "cloud.target_taken")
    assert "RestoreDBClusterFromSnapshot" not in cloud.proxy("eu").actions()
