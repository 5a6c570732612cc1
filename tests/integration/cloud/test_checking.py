"""`strongroom sources check` names every permission that is missing; what AWS does not tell counts as unknown."""

import json
from collections.abc import Callable

import pytest

from strongroom.aws.errors import CredentialsError, CredentialsExpiredError
from strongroom.cli.main import main
from strongroom.cloud.checking import CheckReport, check_source
from strongroom.cloud.resources import Identity
from strongroom.errors import StrongroomError
from tests.integration.cloud.conftest import PLACES, Cloud
from tests.services.aws import Call
from tests.services.moto import ACCESS_KEY, SECRET_KEY

ANSWER = (
    "<R><SimulatePrincipalPolicyResult><EvaluationResults>{0}</EvaluationResults></SimulatePrincipalPolicyResult></R>"
)
RESULT = "<member><EvalActionName>{0}</EvalActionName><EvalDecision>{1}</EvalDecision></member>"


def simulate(cloud: Cloud, region: str, denied: frozenset[str] = frozenset()) -> None:
    """Have the simulator of a region, which moto lacks, allow all but some."""

    def answer(call: Call) -> str:
        asked = [value for name, value in call.fields.items() if name.startswith("ActionNames.member.")]
        decisions = [(name, "implicitDeny" if name in denied else "allowed") for name in asked]
        return ANSWER.format("".join(RESULT.format(*one) for one in decisions), "SimulatePrincipalPolicyResult")

    cloud.proxy(region).answer("SimulatePrincipalPolicy", answer)


@pytest.fixture
def check(cloud: Cloud) -> Callable[[], CheckReport]:
    cloud.configure(
        f'[sources.disk]\nkind = "ebs"\nvolume = "{cloud.volume()}"\n'
        '[sources.bucket]\nkind = "s3"\nbucket = "shop-uploads"\nregion = "eu-west-1"\n'
    )
    settings = cloud.house.services.settings
    return lambda: check_source(settings, settings.get_source("disk"))


def test_a_source_that_may_do_everything_is_well(cloud: Cloud, check: Callable[[], CheckReport]) -> None:
    for region in PLACES:
        simulate(cloud, region)
    report = check()
    assert (report.missing, report.unknown, report.troubles) == ((), (), ())
    assert {(one.permission, one.region) for one in report.findings} >= {
        ("ec2:CopySnapshot", "us-east-1"),
        ("kms:CreateGrant", "ap-southeast-1"),
        ("ec2:CreateSnapshot", "eu-west-1"),
    }
    assert "CreateSnapshot" not in cloud.proxy("eu").actions()


def test_each_missing_permission_is_named_with_its_region(
    cloud: Cloud,
    check: Callable[[], CheckReport],
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    simulate(cloud, "eu")
    simulate(cloud, "us", frozenset({"ec2:CopySnapshot", "kms:CreateGrant"}))
    simulate(cloud, "ap", frozenset({"ec2:DeleteSnapshot"}))
    assert {(one.permission, one.region) for one in check().missing} == {
        ("ec2:CopySnapshot", "us-east-1"),
        ("kms:CreateGrant", "us-east-1"),
        ("ec2:DeleteSnapshot", "ap-southeast-1"),
    }
    monkeypatch.setenv("AWS_TEST_KEY", ACCESS_KEY)
    monkeypatch.setenv("AWS_TEST_SECRET", SECRET_KEY)
    words = ("--config", str(cloud.house.directory / "strongroom.toml"), "sources", "check", "disk")
    assert main(words) == 13
    shown = capfd.readouterr().out
    assert "ec2:CopySnapshot" in shown
    assert "no policy allows it" in shown
    assert SECRET_KEY not in shown
    assert main((*words, "--json")) == 13
    assert {one["answer"] for one in json.loads(capfd.readouterr().out)["findings"]} == {"allowed", "missing"}


def silence(cloud: Cloud) -> None:
    """Have the simulator tell nothing, as it does to those who may not ask it."""
    for region in PLACES:
        cloud.proxy(region).refuse("SimulatePrincipalPolicy", "AccessDenied", status=403)


def asks_for_tags(call: Call) -> bool:
    return "TagSpecification.1.ResourceType" in call.fields


def named(report: CheckReport) -> set[tuple[str, str]]:
    return {(one.permission, one.region) for one in report.missing}


def test_without_the_simulator_permissions_of_volumes_are_tried(cloud: Cloud, check: Callable[[], CheckReport]) -> None:
    silence(cloud)
    cloud.forget_snapshots()
    before = check()
    assert before.missing == ()
    # Of what is not there yet nothing can be said; nor of grants, which AWS asks for and nobody else.
    assert {one.permission for one in before.unknown} == {
        "ec2:CopySnapshot",
        "ec2:DeleteSnapshot",
        "ec2:CreateVolume",
        "ec2:CreateTags",
        "kms:CreateGrant",
    }
    job = cloud.back_up("disk")
    had = {region: len(cloud.snapshots(job.id, region)) for region in PLACES}

    cloud.proxy("us").refuse("CopySnapshot", "UnauthorizedOperation", status=403)
    cloud.proxy("us").refuse("ReEncrypt", "AccessDeniedException", "You are not authorized to perform: kms:ReEncryptTo")
    cloud.proxy("ap").refuse("DeleteSnapshot", "UnauthorizedOperation", status=403)
    tagging = "You are not authorized to perform: ec2:CreateTags on resource: snapshot/*"
    cloud.proxy("eu").refuse("CreateSnapshot", "UnauthorizedOperation", tagging, status=403, when=asks_for_tags)
    report = check()
    assert named(report) == {
        ("ec2:CopySnapshot", "us-east-1"),
        ("kms:ReEncryptTo", "us-east-1"),
        ("ec2:DeleteSnapshot", "ap-southeast-1"),
        ("ec2:CreateTags", "eu-west-1"),
    }
    # A refusal of one is no word on the other.
    assert {(one.permission, one.region) for one in report.unknown} == {
        *(("kms:CreateGrant", place) for place in PLACES.values()),
        ("ec2:CreateTags", "us-east-1"),
        ("kms:ReEncryptFrom", "us-east-1"),
    }
    assert {region: len(cloud.snapshots(job.id, region)) for region in PLACES} == had


def test_without_the_simulator_permissions_of_databases_are_tried(
    cloud: Cloud, check: Callable[[], CheckReport]
) -> None:
    name = f"db-{cloud.keys['eu'].rpartition('/')[2]}"
    rds = cloud.client("rds")
    rds.create_db_instance(
        DBInstanceIdentifier=name,
        Engine="postgres",
        DBInstanceClass="db.t3.micro",
        StorageEncrypted=True,
        MasterUsername="anna",
        MasterUserPassword="a password",
    )
    cloud.configure(f'[sources.orders]\nkind = "rds"\ninstance = "{name}"\n')
    silence(cloud)
    cloud.back_up("orders")
    settings = cloud.house.services.settings
    orders = settings.get_source("orders")

    def taken() -> int:
        return len(rds.describe_db_snapshots(DBInstanceIdentifier=name)["DBSnapshots"])

    report, had = check_source(settings, orders), taken()
    assert report.missing == ()
    assert {one.permission for one in report.unknown} == {
        "rds:CreateDBClusterSnapshot",
        "rds:CreateDBInstance",
        "kms:CreateGrant",
    }
    for action in ("CopyDBSnapshot", "AddTagsToResource"):
        cloud.proxy("us").refuse(action, "AccessDenied", status=403)
    cloud.proxy("eu").refuse("CreateDBSnapshot", "AccessDenied", status=403)
    assert named(check_source(settings, orders)) == {
        ("rds:CopyDBSnapshot", "us-east-1"),
        ("rds:AddTagsToResource", "us-east-1"),
        ("rds:CreateDBSnapshot", "eu-west-1"),
    }
    assert taken() == had


FEEDS = """
[sources.bucket]
kind = "s3"
bucket = "{name}"
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "AWS_TEST_KEY"
secret_key_env = "AWS_TEST_SECRET"
[sources.current]
kind = "s3"
bucket = "{name}"
versions = false
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "AWS_TEST_KEY"
secret_key_env = "AWS_TEST_SECRET"
[sources.groups]
kind = "cloudwatch-logs"
groups = ["/{name}/*"]
region = "eu-west-1"
endpoint = "{endpoint}"
access_key_env = "AWS_TEST_KEY"
secret_key_env = "AWS_TEST_SECRET"
"""


@pytest.mark.parametrize("filled", [False, True])
def test_permissions_of_buckets_and_log_groups_are_asked_about_and_tried(cloud: Cloud, *, filled: bool) -> None:
    name = f"check-{cloud.keys['eu'].rpartition('-')[2]}"
    s3, logs, proxy = cloud.client("s3"), cloud.client("logs"), cloud.proxy("eu")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": PLACES["eu"]})
    logs.create_log_group(logGroupName=f"/{name}/web")
    if filled:
        s3.put_object(Bucket=name, Key="photo", Body=b"")
    cloud.configure(FEEDS.format(name=name, endpoint=proxy.url))
    settings = cloud.house.services.settings

    def report_of(source: str) -> CheckReport:
        return check_source(settings, settings.get_source(source))

    simulate(cloud, "eu", frozenset({"s3:GetObjectVersion", "logs:FilterLogEvents"}))
    assert named(report_of("bucket")) == {("s3:GetObjectVersion", "eu-west-1")}
    # Who keeps no versions needs no permission for them.
    assert (report_of("current").missing, len(report_of("current").findings)) == ((), 3)
    assert named(report_of("groups")) == {("logs:FilterLogEvents", "eu-west-1")}

    proxy.behave()
    silence(cloud)
    for source in ("bucket", "current", "groups"):
        report = report_of(source)
        assert (report.missing, report.unknown, report.troubles) == ((), (), ()), source
    proxy.refuse("FilterLogEvents", "AccessDeniedException")
    proxy.refuse("*", "AccessDenied", status=403, when=lambda call: call.action.startswith(f"GET /{name}/"))
    assert named(report_of("groups")) == {("logs:FilterLogEvents", "eu-west-1")}
    objects = ("s3:GetObject", "s3:GetObjectTagging")
    assert named(report_of("current")) == {(one, "eu-west-1") for one in objects}
    versions = ("s3:GetObjectVersion", "s3:GetObjectVersionTagging")
    assert named(report_of("bucket")) == {(one, "eu-west-1") for one in (*objects, *versions)}


def test_what_cannot_be_tried_is_unknown(
    cloud: Cloud, check: Callable[[], CheckReport], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("strongroom.aws.client.ATTEMPTS", 1)
    silence(cloud)
    cloud.proxy("eu").refuse("DescribeVolumes", "RequestLimitExceeded", status=503)
    report = check()
    assert report.missing == ()
    assert {"ec2:DescribeVolumes", "ec2:CreateSnapshot"} <= {
        one.permission for one in report.unknown if one.region == PLACES["eu"]
    }


def test_keys_and_volumes_that_are_not_there_are_troubles(cloud: Cloud, check: Callable[[], CheckReport]) -> None:
    for region in PLACES:
        simulate(cloud, region)
    cloud.proxy("us").refuse("DescribeKey", "NotFoundException", "no such key")
    cloud.client("kms", "ap").disable_key(KeyId=cloud.keys["ap"].rpartition("/")[2])
    cloud.proxy("eu").refuse("DescribeVolumes", "UnauthorizedOperation", status=403)
    troubles = check().troubles
    assert len(troubles) == 3
    assert any("is Disabled" in trouble for trouble in troubles)
    assert any("ec2:DescribeVolumes is missing" in trouble for trouble in troubles)


def test_credentials_that_are_refused_are_said_at_once(cloud: Cloud, check: Callable[[], CheckReport]) -> None:
    cloud.proxy("eu").refuse("GetCallerIdentity", "ExpiredToken", status=403)
    with pytest.raises(CredentialsExpiredError):
        check()
    cloud.proxy("eu").behave()
    cloud.proxy("eu").refuse("GetCallerIdentity", "InvalidClientTokenId", status=403)
    with pytest.raises(CredentialsError):
        check()


def test_a_session_of_a_role_stands_for_the_role() -> None:
    session = Identity.of("arn:aws:sts::123456789012:assumed-role/Backup/i-0123")
    assert (session.account, session.principal) == ("123456789012", "arn:aws:iam::123456789012:role/Backup")
    assert Identity.of("arn:aws:iam::123456789012:root").is_root


def test_a_directory_needs_no_permission(cloud: Cloud, check: Callable[[], CheckReport]) -> None:
    settings = cloud.house.services.settings
    with pytest.raises(StrongroomError, match="needs no permission"):
        check_source(settings, settings.get_source("tree"))
