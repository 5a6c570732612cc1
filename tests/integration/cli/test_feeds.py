"""A bucket and a log group through every command that shows, compares, checks or restores them."""

import json
import secrets
from datetime import UTC, datetime
from pathlib import Path

import boto3
import pytest

from tests.integration.cli.conftest import Run, events
from tests.services.s3 import TEST_CLIENT

SOURCES = """
[sources.bucket]
kind = "s3"
bucket = "{name}"
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "FEED_ID"
secret_key_env = "FEED_SECRET"
[sources.groups]
kind = "cloudwatch-logs"
groups = ["/{name}/*"]
days = 1
requests_per_second = 1000.0
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "FEED_ID"
secret_key_env = "FEED_SECRET"
"""


@pytest.fixture
def name() -> str:
    return f"feed-{secrets.token_hex(6)}"


@pytest.fixture
def fed(installed: Run, tmp_path: Path, name: str, aws_server: str, monkeypatch: pytest.MonkeyPatch) -> Run:
    """An installation with a bucket of two objects and a group of two events."""
    session = boto3.session.Session("a", "b", region_name="eu-west-1")
    bucket = session.client("s3", endpoint_url=aws_server, config=TEST_CLIENT)
    for one in (name, f"{name}-back"):
        bucket.create_bucket(Bucket=one, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    bucket.put_object(Bucket=name, Key="photos/one", Body=b"one")
    bucket.put_object(Bucket=name, Key="letter", Body=b"two")
    logs = session.client("logs", endpoint_url=aws_server, config=TEST_CLIENT)
    logs.create_log_group(logGroupName=f"/{name}/web")
    logs.create_log_stream(logGroupName=f"/{name}/web", logStreamName="i-1")
    now = int(datetime.now(UTC).timestamp() * 1000)
    lines = [{"timestamp": now - 7_200_000, "message": "hello"}, {"timestamp": now - 1, "message": "again"}]
    logs.put_log_events(logGroupName=f"/{name}/web", logStreamName="i-1", logEvents=lines)
    monkeypatch.setenv("FEED_ID", "AKIAIOSFODNN7EXAMPLE")
    monkeypatch.setenv("FEED_SECRET", "not-to-be-shown")
    with (tmp_path / "strongroom.toml").open("a") as file:
        file.write(SOURCES.format(name=name, endpoint=aws_server))
    return installed


def back_up(run: Run, source: str) -> str:
    code, out, err = run("backup", "run", source, "--here", "--json")
    assert code == 0, err
    return str(events(out)[-1]["id"])


def test_a_bucket_goes_there_and_back(fed: Run, name: str, tmp_path: Path) -> None:
    first = back_up(fed, "bucket")
    assert fed("backup", "ls", first, "--recursive")[1].split() == ["letter", "photos/", "photos/one"]
    assert fed("backup", "verify", first, "--level", "data", "--here")[0] == 0
    target = f"s3://{name}-back/again"
    code, out, err = fed("restore", "plan", first, "--target", target)
    assert (code, "target is   empty" in out, target in err) == (0, True, True), (out, err)
    code, _, err = fed("restore", "run", first, "--target", target, "--here")
    assert code == 0, err
    code, _, err = fed("restore", "run", first, "--target", f"s3://{name}-back", "--here")
    assert (code, "already" in err) == (11, True)
    code, _, err = fed("restore", "run", first, "--target", "files", "--path", "photos", "--here")
    assert code == 0, err
    assert (tmp_path / "files" / "photos" / "one").read_bytes() == b"one"
    assert fed("restore", "run", first, "--target", "s3://", "--here")[0] == 2
    assert fed("diff", first, back_up(fed, "bucket"))[1] == ""


def test_log_groups_go_there_and_back(fed: Run, name: str) -> None:
    backup = back_up(fed, "groups")
    assert json.loads(fed("backup", "show", backup, "--json")[1])["facts"]["log_groups"] == 1
    code, out, _ = fed("restore", "plan", backup, "--target", f"logs:/{name}-back")
    assert (code, "target is   absent" in out) == (0, True), out
    code, _, err = fed("restore", "run", backup, "--target", f"logs:/{name}-back", "--here")
    assert code == 0, err
    assert fed("restore", "run", backup, "--target", "logs:/x:", "--here")[0] == 2
    code, _, err = fed("restore", "run", backup, "--target", "logs:/no good", "--here")
    assert (code, "log group" in err) == (2, True)
    code, _, err = fed("backup", "run", "groups", "--type", "differential", "--here")
    assert (code, "incremental" in err) == (2, True)


def test_sources_are_shown_without_their_keys(fed: Run, name: str) -> None:
    code, out, _ = fed("sources", "list", "--json")
    assert code == 0
    items = {item["name"]: item for item in json.loads(out)["items"]}
    assert (items["bucket"]["bucket"], items["groups"]["groups"]) == (name, [f"/{name}/*"])
    for words in (("sources", "list", "--json"), ("config", "show"), ("config", "show", "--json")):
        shown = fed(*words)[1]
        assert "not-to-be-shown" not in shown
        assert "AKIAIOSFODNN7EXAMPLE" not in shown
