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


def test_what_aws_does_not_tell_is_unknown(cloud: Cloud, check: Callable[[], CheckReport]) -> None:
    for region in PLACES:
        cloud.proxy(region).refuse("SimulatePrincipalPolicy", "AccessDenied", status=403)
    report = check()
    assert len(report.unknown) == len(report.findings) > 0
    assert "iam:SimulatePrincipalPolicy" in report.unknown[0].why


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
