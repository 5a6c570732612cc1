"""A bucket and a log group in three S3 regions, with a KMS each, and restored when the first of them is lost."""

import json
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from tests.integration.cli.conftest import Run, events, run
from tests.services.s3 import TEST_CLIENT, S3Region

__all__ = ["run"]

REGION = """
[regions.{name}]
kind = "s3"
home = {home}
bucket = "{bucket}"
endpoint = "{endpoint}"
s3_region = "{name}"
access_key_env = "REGION_ID"
secret_key_env = "REGION_SECRET"
[regions.{name}.kek]
provider = "aws-kms"
key = "{key}"
endpoint = "{endpoint}"
kms_region = "{name}"
access_key_env = "REGION_ID"
secret_key_env = "REGION_SECRET"
"""
FEEDS = """
[sources.uploads]
kind = "s3"
bucket = "{name}"
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "REGION_ID"
secret_key_env = "REGION_SECRET"
[sources.logs]
kind = "cloudwatch-logs"
groups = ["/{name}/*"]
days = 1
requests_per_second = 1000.0
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "REGION_ID"
secret_key_env = "REGION_SECRET"
"""


@pytest.fixture
def name(aws_server: str) -> str:
    """Make a bucket of two versions and a group of one event, both of this name."""
    name = f"feed-{secrets.token_hex(6)}"
    session = boto3.session.Session("a", "b", region_name="eu-west-1")
    bucket = session.client("s3", endpoint_url=aws_server, config=TEST_CLIENT)
    bucket.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    bucket.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
    for body in (b"first", b"second"):
        bucket.put_object(Bucket=name, Key="letter", Body=body, Metadata={"by": "anna"})
    logs = session.client("logs", endpoint_url=aws_server, config=TEST_CLIENT)
    logs.create_log_group(logGroupName=f"/{name}/web")
    logs.create_log_stream(logGroupName=f"/{name}/web", logStreamName="i-1")
    at = int(datetime.now(UTC).timestamp() * 1000) - 7_200_000
    logs.put_log_events(
        logGroupName=f"/{name}/web", logStreamName="i-1", logEvents=[{"timestamp": at, "message": "hello"}]
    )
    return name


@pytest.fixture
def buckets(
    run: Run,
    tmp_path: Path,
    name: str,
    aws_server: str,
    moto_regions: dict[str, S3Region],
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[dict[str, str]]:
    """Set up an installation in three regions, and return the bucket of each."""
    made = {place: region.new_bucket() for place, region in moto_regions.items()}
    text = FEEDS.format(name=name, endpoint=aws_server)
    for number, (place, region) in enumerate(moto_regions.items()):
        key = region.kms_client().create_key()["KeyMetadata"]["KeyId"]
        home = str(number == 0).lower()
        text += REGION.format(name=place, home=home, bucket=made[place], endpoint=region.endpoint, key=key)
        monkeypatch.setenv("REGION_ID", region.access_key)
        monkeypatch.setenv("REGION_SECRET", region.secret_key)
    (tmp_path / "strongroom.toml").write_text(text)
    code, _, err = run("init", "--upgrade")
    assert code == 0, err
    yield made
    for place, region in moto_regions.items():
        empty(region, made[place])


def empty(region: S3Region, bucket: str) -> None:
    client = region.client()
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        for found in page.get("Contents", []):
            client.delete_object(Bucket=bucket, Key=found["Key"])


def test_feeds_are_in_all_regions_and_come_back_from_any_that_is_left(
    run: Run, buckets: dict[str, str], name: str, moto_regions: dict[str, S3Region], tmp_path: Path
) -> None:
    ids = {}
    for source in ("uploads", "logs"):
        code, out, err = run("backup", "run", source, "--here", "--json")
        assert code == 0, err
        ids[source] = str(events(out)[-1]["id"])
        shown = json.loads(run("backup", "show", ids[source], "--json")[1])
        assert {copy["region"]: copy["state"] for copy in shown["replicas"]} == dict.fromkeys(buckets, "present")
        assert shown["protected_at"] is not None
    home, *others = buckets
    for place, region in moto_regions.items():
        bodies = [
            region.client().get_object(Bucket=buckets[place], Key=found["Key"])["Body"].read()
            for found in region.client().list_objects_v2(Bucket=buckets[place])["Contents"]
        ]
        assert not any(b"second" in body or b"hello" in body for body in bodies)

    empty(moto_regions[home], buckets[home])

    for place in others:
        target = tmp_path / place
        code, _, err = run(
            "restore", "run", ids["uploads"], "--region", place, "--target", str(target / "files"), "--here"
        )
        assert code == 0, err
        assert (target / "files" / "letter").read_bytes() == b"second"
        older = [path.read_bytes() for path in (target / "files" / "letter%versions").iterdir()]
        assert older == [b"first"]
        code, _, err = run("restore", "run", ids["logs"], "--region", place, "--target", str(target / "logs"), "--here")
        assert code == 0, err
        lines = [json.loads(line) for path in (target / "logs").rglob("*.jsonl") for line in path.open()]
        assert [(line["stream"], line["message"]) for line in lines] == [("i-1", "hello")]
    target = f"s3://{name}/back"
    code, _, err = run("restore", "run", ids["uploads"], "--region", others[1], "--target", target, "--here")
    assert code == 0, err
