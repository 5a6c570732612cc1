"""Volumes, databases, buckets and log groups through the API: asked for, listed, shown, restored, and wrong targets."""

import secrets
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from strongroom.catalog.jobs import Job
from strongroom.ids import parse_id
from strongroom.runtime import Runtime
from tests.integration.backup.conftest import files
from tests.integration.cloud.conftest import PLACES, Cloud, cloud

__all__ = ["cloud"]

SOURCES = """
[sources.disks]
kind = "ebs"
volume = "{volume}"
[sources.orders]
kind = "rds"
instance = "{name}"
[sources.uploads]
kind = "s3"
bucket = "{name}"
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "AWS_TEST_KEY"
secret_key_env = "AWS_TEST_SECRET"
[sources.logs]
kind = "cloudwatch-logs"
groups = ["/{name}/*"]
days = 1
requests_per_second = 1000.0
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "AWS_TEST_KEY"
secret_key_env = "AWS_TEST_SECRET"
"""


@pytest.fixture
def name() -> str:
    return f"api-{secrets.token_hex(6)}"


@pytest.fixture
def runtime(cloud: Cloud, name: str) -> Runtime:
    """The runtime of an API whose sources are all in AWS."""
    for one in (name, f"{name}-back"):
        cloud.client("s3").create_bucket(Bucket=one, CreateBucketConfiguration={"LocationConstraint": PLACES["eu"]})
    cloud.client("s3").put_object(Bucket=name, Key="photos/one", Body=b"one")
    logs, group = cloud.client("logs"), f"/{name}/web"
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="i-1")
    at = int((datetime.now(UTC) - timedelta(hours=2)).timestamp() * 1000)
    logs.put_log_events(logGroupName=group, logStreamName="i-1", logEvents=[{"timestamp": at, "message": "hello"}])
    cloud.client("rds").create_db_instance(
        DBInstanceIdentifier=name,
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        StorageEncrypted=True,
        MasterUsername="anna",
        MasterUserPassword="a password",
    )
    sources = SOURCES.format(volume=cloud.volume(), name=name, endpoint=cloud.server)
    cloud.configure(sources)
    return cloud.house.runtime


def finish(cloud: Cloud, answer: httpx.Response) -> Job:
    """Work on what an answer promised, as workers would, until it is over."""
    assert answer.status_code == 202, answer.text
    return cloud.finish(cloud.house.services.ledger.get(parse_id(answer.json()["id"], "job")))


def back_up(cloud: Cloud, client: httpx.Client, source: str) -> dict[str, Any]:
    job = finish(cloud, client.post("/v1/backups", json={"source": source}))
    assert job.state == "succeeded", job.last_error
    cloud.copy()
    shown: dict[str, Any] = client.get(f"/v1/backups/{job.id}").json()
    assert [backup["id"] for backup in client.get("/v1/backups", params={"source": source}).json()["items"]] == [
        str(job.id)
    ]
    assert (shown["state"], shown["protected_at"] is None) == ("committed", False)
    assert {replica["state"] for replica in shown["replicas"]} == {"present"}
    return shown


def restore(cloud: Cloud, client: httpx.Client, backup: dict[str, Any], **target: Any) -> tuple[Job, dict[str, Any]]:
    body = {"backup": backup["id"], "target": target}
    plan = finish(cloud, client.post("/v1/restores/plan", json=body))
    assert plan.state == "succeeded", plan.last_error
    job = finish(cloud, client.post("/v1/restores", json=body))
    return job, client.get(f"/v1/restores/{job.id}").json()


def test_volumes_go_there_and_back(cloud: Cloud, client: httpx.Client) -> None:
    backup = back_up(cloud, client, "disks")
    (volume,) = (part["name"] for part in backup["facts"]["parts"])
    assert (backup["medium"], sorted(backup["facts"]["snapshots"])) == ("snapshot", ["ap", "eu", "us"])
    job, shown = restore(cloud, client, backup, kind="volume", zone="us-east-1b", volume_type="gp3")
    assert (job.state, shown["region"]) == ("succeeded", "us")
    made = cloud.client("ec2", "us").describe_volumes(VolumeIds=[shown["target"]["made"][volume]])["Volumes"][0]
    assert (made["VolumeType"], made["AvailabilityZone"]) == ("gp3", "us-east-1b")
    wrong = {"kind": "volume", "zone": "us-east-1b", "only": ["vol-0"]}
    answer = client.post("/v1/restores", json={"backup": backup["id"], "target": wrong})
    assert (answer.status_code, answer.json()["code"]) == (422, "backup.target_kind")
    answer = client.post("/v1/drills", json={"source": "disks"})
    assert answer.status_code in {400, 409, 422}, answer.text


def test_databases_go_there_and_back(cloud: Cloud, client: httpx.Client, name: str) -> None:
    backup = back_up(cloud, client, "orders")
    target = {"kind": "rds", "instance_class": "db.t3.small"}
    job, shown = restore(cloud, client, backup, **target, database=f"{name}-restored")
    assert (job.state, shown["target"]["made"]) == ("succeeded", {name: f"{name}-restored"})
    body = {"backup": backup["id"], "target": target | {"database": name}}
    taken = finish(cloud, client.post("/v1/restores", json=body))
    assert taken.last_error is not None
    assert taken.last_error["code"] == "cloud.target_taken"
    body["target"] = {"kind": "files", "path": "/srv/back"}
    assert client.post("/v1/restores", json=body).json()["code"] == "backup.target_kind"


def test_buckets_go_there_and_back(cloud: Cloud, client: httpx.Client, name: str) -> None:
    backup = back_up(cloud, client, "uploads")
    job, shown = restore(cloud, client, backup, kind="s3", bucket=f"{name}-back", prefix="again/", source="uploads")
    assert (job.state, shown["files"]) == ("succeeded", 1), job.last_error
    body = cloud.client("s3").get_object(Bucket=f"{name}-back", Key="again/photos/one")["Body"].read()
    assert body == b"one"
    job, _ = restore(cloud, client, backup, kind="files", path=str(cloud.house.directory / "back"))
    assert (job.state, files(cloud.house.directory / "back")) == ("succeeded", {"photos/one": b"one"})
    answer = client.post(
        "/v1/restores", json={"backup": backup["id"], "target": {"kind": "s3", "bucket": "x", "source": "uploads"}}
    )
    assert answer.status_code == 422


def test_log_groups_go_there_and_back(cloud: Cloud, client: httpx.Client, name: str) -> None:
    backup = back_up(cloud, client, "logs")
    assert (backup["facts"]["log_groups"], backup["facts"]["gap_hours"]) == (1, 0)
    assert backup["facts"]["cursor"] <= datetime.now(UTC).isoformat()
    job, shown = restore(cloud, client, backup, kind="log-group", group=f"/{name}-back/web", source="logs")
    assert job.state == "succeeded", job.last_error
    assert shown["target"]["group"] == f"/{name}-back/web"
    found = cloud.client("logs").filter_log_events(logGroupName=f"/{name}-back/web")["events"]
    assert [(event["logStreamName"], event["message"]) for event in found] == [("i-1", "hello")]
