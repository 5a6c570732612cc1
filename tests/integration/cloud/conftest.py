"""An installation whose three regions keep snapshots in three AWS regions, each behind a proxy that fails on demand."""

import functools
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import pytest
from sqlalchemy import update

from strongroom.aws.calls import AwsCall
from strongroom.catalog.backup_queries import list_replicas
from strongroom.catalog.backups import Backup
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job
from strongroom.replication.reconcile import reconcile
from tests.integration.backup.conftest import House, in_a_process_that_dies
from tests.services.aws import FaultProxy
from tests.services.moto import ACCESS_KEY, SECRET_KEY
from tests.services.s3 import MAKING_A_CLIENT

__all__ = ["in_a_process_that_dies"]

PLACES = {"eu": "eu-west-1", "us": "us-east-1", "ap": "ap-southeast-1"}
REGION = """
[regions.{name}.aws]
region = "{place}"
endpoint = "{endpoint}"
kms_key = "{key}"
access_key_env = "AWS_TEST_KEY"
secret_key_env = "AWS_TEST_SECRET"
"""


@functools.cache
def _plain(service: str, region: str, server: str) -> Any:
    session: Any = boto3.session.Session(ACCESS_KEY, SECRET_KEY, region_name=region)
    return session.client(service, endpoint_url=server)


@dataclass
class Cloud:
    """The AWS side, and the installation that backs it up."""

    house: House
    proxies: dict[str, FaultProxy]
    server: str
    keys: dict[str, str] = field(default_factory=dict)

    def client(self, service: str, region: str = "eu") -> Any:
        """Return a plain client, past the proxies."""
        with MAKING_A_CLIENT:
            return _plain(service, PLACES[region], self.server)

    def configure(self, sources: str, **secrets: str) -> None:
        """Write the configuration with these sources in it."""
        regions = "".join(
            REGION.format(name=name, place=place, endpoint=self.proxies[place].url, key=self.keys[name])
            for name, place in PLACES.items()
        )
        self.house.configure(regions + sources, AWS_TEST_KEY=ACCESS_KEY, AWS_TEST_SECRET=SECRET_KEY, **secrets)

    def proxy(self, region: str) -> FaultProxy:
        """Return the proxy in front of a region."""
        return self.proxies[PLACES[region]]

    def volume(self, **more: Any) -> str:
        """Make an encrypted volume of one GiB."""
        settings = {"AvailabilityZone": f"{PLACES['eu']}a", "Size": 1, "Encrypted": True} | more
        return str(self.client("ec2").create_volume(**settings)["VolumeId"])

    def snapshots(self, backup: uuid.UUID, region: str = "eu") -> list[dict[str, Any]]:
        """Return what EC2 holds of a backup."""
        wanted = [{"Name": "tag:strongroom:backup", "Values": [str(backup)]}]
        found: list[dict[str, Any]] = self.client("ec2", region).describe_snapshots(Filters=wanted)["Snapshots"]
        return found

    def forget_snapshots(self) -> None:
        """Delete what other tests have left in the account, in every region."""
        for region in PLACES:
            ec2 = self.client("ec2", region)
            ours = [{"Name": "tag-key", "Values": ["strongroom:backup"]}]
            for snapshot in ec2.describe_snapshots(Filters=ours)["Snapshots"]:
                ec2.delete_snapshot(SnapshotId=snapshot["SnapshotId"])

    def run(self, job: Job) -> Job:
        """Run one attempt of a job that waits, whenever it is due."""
        with self.house.services.catalog.begin() as session:
            session.execute(update(Job).where(Job.id == job.id).values(run_after=utcnow(), publish_after=utcnow()))
        return self.house.run(job)

    def finish(self, job: Job, *, attempts: int = 20) -> Job:
        """Run attempts until the job is over."""
        for _ in range(attempts):
            job = self.run(job)
            if job.state != "queued":
                return job
        raise AssertionError(f"the job is not over after {attempts} attempts: {job.last_error}")

    def back_up(self, source: str) -> Job:
        """Make a backup and all its copies."""
        job = self.finish(self.house.request(source))
        assert job.state == "succeeded", job.last_error
        self.copy()
        return job

    def copy(self) -> list[Job]:
        """Run the copies that are due."""
        return [self.finish(job) for job in reconcile(self.house.services)]

    def backup(self, job: Job) -> Backup:
        """Return what the catalog says of a job's backup."""
        return self.house.backup(job)

    def states(self, job: Job) -> dict[str, str]:
        """Return where the copies stand."""
        with self.house.services.catalog.read() as session:
            return {replica.region: replica.state.value for replica in list_replicas(session, job.id)}


@pytest.fixture
def cloud(
    tmp_path: Path, sqlite_catalog_url: str, aws_regions: dict[str, FaultProxy], aws_server: str
) -> Iterator[Cloud]:
    """A new installation with a KMS key in each AWS region."""
    house = House(tmp_path, sqlite_catalog_url)
    house.found()
    cloud = Cloud(house, aws_regions, aws_server)
    for name in PLACES:
        cloud.keys[name] = cloud.client("kms", name).create_key()["KeyMetadata"]["Arn"]
    yield cloud
    house.close()
    made = {
        f"{call.service}:{call.action}"
        for proxy in aws_regions.values()
        for call in proxy.calls
        if call.service != "s3"
    }
    assert made <= {f"{call.service}:{call.operation}" for call in AwsCall}, "a call that is not on the list was made"
