"""Drills of logs, buckets and log groups: restored as files, and compared by digest."""

import os
import secrets
from datetime import UTC, datetime, timedelta

import boto3

from strongroom.alerts.opening import AlertType, Severity
from strongroom.catalog.drills import DrillState
from strongroom.drills.evidence import evidence
from tests.integration.drills.conftest import DrillHall
from tests.integration.drills.test_trees import spoil
from tests.integration.sources.test_cloudwatch_backup import SOURCE as LOG_GROUPS
from tests.integration.sources.test_s3_backup import SOURCE as BUCKET
from tests.services.aws import FaultProxy
from tests.services.s3 import TEST_CLIENT

KEYS = {"AWS_ID": "AKIAIOSFODNN7EXAMPLE", "AWS_SECRET": "secret"}


def back_up(hall: DrillHall, source: str) -> None:
    job = hall.house.run(hall.house.request(source))
    assert job.state == "succeeded", job.last_error
    hall.house.copy()


def test_logs_that_grew_are_restored_from_a_region_and_a_broken_copy_is_caught(hall: DrillHall):
    logs = hall.house.directory / "logs"
    logs.mkdir()
    (logs / "app.log").write_text("".join(f"line {number}\n" for number in range(5000)))
    hall.add('[sources.applogs]\nkind = "logs"\npath = "logs"\n')
    back_up(hall, "applogs")
    with (logs / "app.log").open("a") as log:
        log.write("one more\n")
    back_up(hall, "applogs")

    passed = hall.drill(hall.hold("applogs", region="us"))

    told = evidence(passed)
    assert (passed.state, told["source"], told["region"], told["files"]) == (DrillState.PASSED, "applogs", "us", 1)
    assert told["bytes"] == (logs / "app.log").stat().st_size
    spoil(hall, "us")
    assert hall.drill(hall.hold("applogs", region="us")).state is DrillState.FAILED
    assert (AlertType.INTEGRITY, Severity.CRITICAL, "drill.failed", "us") in hall.alerts()
    assert hall.left() == []


def test_a_bucket_is_drilled_with_keys_that_are_no_names_of_files(hall: DrillHall, aws_regions: dict[str, FaultProxy]):
    proxy, bucket = aws_regions["eu-west-1"], f"shop-{secrets.token_hex(6)}"
    session = boto3.session.Session("a", "b", region_name="eu-west-1")
    client = session.client("s3", endpoint_url=proxy.target, config=TEST_CLIENT)
    client.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for key in ("a", "a/b", "dir/", "../x", "y" * 900, f"{'z' * 300}/below"):
        client.put_object(Bucket=bucket, Key=key, Body=os.urandom(3000))
    hall.add(BUCKET.format(bucket=bucket, endpoint=proxy.url, more=""), **KEYS)
    back_up(hall, "bucket")

    drill = hall.drill(hall.hold("bucket"))

    assert (drill.state, (drill.report or {})["files"]) == (DrillState.PASSED, 6)
    assert "File name too long" in str((drill.report or {})["notes"])
    spoil(hall, "ap")
    assert hall.drill(hall.hold("bucket", region="ap")).state is DrillState.FAILED


def test_a_log_group_is_drilled(hall: DrillHall, aws_regions: dict[str, FaultProxy]):
    proxy, name = aws_regions["eu-west-1"], f"shop-{secrets.token_hex(6)}"
    session = boto3.session.Session("a", "b", region_name="eu-west-1")
    client = session.client("logs", endpoint_url=proxy.target, config=TEST_CLIENT)
    client.create_log_group(logGroupName=f"/{name}/web")
    client.create_log_stream(logGroupName=f"/{name}/web", logStreamName="one")
    at = int((datetime.now(UTC) - timedelta(hours=3)).timestamp() * 1000)
    client.put_log_events(
        logGroupName=f"/{name}/web", logStreamName="one", logEvents=[{"timestamp": at, "message": "hello"}]
    )
    hall.add(LOG_GROUPS.format(group=name, endpoint=proxy.url, days=1, more=""), **KEYS)
    back_up(hall, "logs")

    drill = hall.drill(hall.hold("logs"))

    assert (drill.state, (drill.report or {})["notes"]) == (DrillState.PASSED, [])
