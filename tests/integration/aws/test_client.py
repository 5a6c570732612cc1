"""Calls to AWS: pages, repeats, and what each kind of refusal is called."""

from collections.abc import Iterator

import pytest
from pydantic import SecretStr

from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsAccess, AwsClient
from strongroom.aws.errors import (
    AwsBusyError,
    AwsExistsError,
    AwsNotFoundError,
    AwsRefusedError,
    AwsUnavailableError,
    CredentialsError,
    CredentialsExpiredError,
    KmsKeyRefusedError,
    PermissionMissingError,
    QuotaExceededError,
)
from strongroom.errors import StrongroomError
from tests.services.aws import FaultProxy, fault_proxy
from tests.services.moto import ACCESS_KEY, SECRET_KEY

REGION = "eu-west-1"


@pytest.fixture
def proxy(aws_server: str) -> Iterator[FaultProxy]:
    with fault_proxy(aws_server) as proxy:
        yield proxy


@pytest.fixture
def client(proxy: FaultProxy) -> AwsClient:
    return AwsClient(AwsAccess(REGION, proxy.url, SecretStr(ACCESS_KEY), SecretStr(SECRET_KEY)))


@pytest.mark.parametrize(
    ("code", "error", "retryable"),
    [
        ("UnauthorizedOperation", PermissionMissingError, False),
        ("AuthFailure", CredentialsError, False),
        ("RequestExpired", CredentialsExpiredError, False),
        ("RequestLimitExceeded", AwsUnavailableError, True),
        ("InvalidVolume.NotFound", AwsNotFoundError, False),
        ("IncorrectState", AwsBusyError, True),
        ("SnapshotLimitExceeded", QuotaExceededError, False),
        ("InvalidKmsKey.InvalidState", KmsKeyRefusedError, False),
        ("DBSnapshotAlreadyExists", AwsExistsError, False),
        ("InvalidParameterValue", AwsRefusedError, False),
    ],
)
def test_a_refusal_has_its_own_error_and_a_next_step(
    client: AwsClient, proxy: FaultProxy, code: str, error: type[StrongroomError], retryable: bool
) -> None:
    proxy.refuse("CreateSnapshot", code, "some words")
    with pytest.raises(error) as raised:
        client.call(AwsCall.CREATE_SNAPSHOT, VolumeId="vol-00000001")
    assert type(raised.value) is error
    assert raised.value.retryable is retryable
    assert raised.value.next_step
    assert "ec2:CreateSnapshot" in raised.value.what


def test_a_key_policy_that_refuses_is_told_from_a_missing_permission(client: AwsClient, proxy: FaultProxy) -> None:
    proxy.refuse("CopyDBSnapshot", "AccessDenied", "not authorized to perform: kms:CreateGrant", status=403)
    with pytest.raises(KmsKeyRefusedError):
        client.call(AwsCall.COPY_DB_SNAPSHOT, SourceDBSnapshotIdentifier="a", TargetDBSnapshotIdentifier="b")


def test_throttling_passes(client: AwsClient, proxy: FaultProxy) -> None:
    proxy.refuse("DescribeVolumes", "RequestLimitExceeded", status=503, times=1)
    assert client.call(AwsCall.DESCRIBE_VOLUMES)["Volumes"] is not None
    assert proxy.actions() == ["DescribeVolumes"] * 2


def test_what_makes_a_nameless_thing_is_never_repeated_unasked(client: AwsClient, proxy: FaultProxy) -> None:
    volume = client.call(AwsCall.CREATE_VOLUME, AvailabilityZone=f"{REGION}a", Size=1)["VolumeId"]
    proxy.lose("CreateSnapshot")
    with pytest.raises(AwsUnavailableError):
        client.call(AwsCall.CREATE_SNAPSHOT, VolumeId=volume)
    assert proxy.actions().count("CreateSnapshot") == 1


def test_every_page_is_read(client: AwsClient, proxy: FaultProxy) -> None:
    page = "<R><volumeSet><item><volumeId>vol-{0}</volumeId></item></volumeSet>{1}</R>"
    proxy.answer("DescribeVolumes", page.format(1, "<nextToken>more</nextToken>"), times=1)
    proxy.answer("DescribeVolumes", page.format(2, ""), times=1)
    found = [volume["VolumeId"] for volume in client.items(AwsCall.DESCRIBE_VOLUMES, "Volumes")]
    assert found == ["vol-1", "vol-2"]


def test_without_a_key_it_says_so(aws_server: str, monkeypatch: pytest.MonkeyPatch, tmp_path: object) -> None:
    for name, value in {"AWS_EC2_METADATA_DISABLED": "true", "AWS_CONFIG_FILE": f"{tmp_path}/none"}.items():
        monkeypatch.setenv(name, value)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", f"{tmp_path}/none")
    with pytest.raises(CredentialsError):
        AwsClient(AwsAccess(REGION, aws_server)).call(AwsCall.DESCRIBE_VOLUMES)
