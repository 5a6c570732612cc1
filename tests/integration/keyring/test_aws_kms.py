"""KEKs in AWS KMS, against a KMS that speaks its protocol."""

import json
from collections.abc import Callable

import boto3
import pytest
from botocore.config import Config

from strongroom.errors import StrongroomError
from strongroom.keyring.aws_kms import AwsKmsKekProvider
from strongroom.keyring.errors import (
    KeyDisabledError,
    KeyProviderDeniedError,
    KeyProviderUnavailableError,
    KeyVersionNotFoundError,
    WrongKeyError,
)
from strongroom.keyring.provider import KekProvider, WrappedKey
from strongroom.keyring.secret import SecretKey
from tests.integration.storage.canned_server import Canned, canned_server
from tests.services.s3 import REGION_NAMES, S3Region

CONTEXT = {"repo": "r", "source": "größe", "backup": "b", "policy": "p", "purpose": "backup"}
KEY = SecretKey(bytes(range(32)))


@pytest.fixture
def region(moto_regions: dict[str, S3Region]) -> S3Region:
    return moto_regions[REGION_NAMES[0]]


@pytest.fixture
def key_id(region: S3Region) -> str:
    return region.kms_client().create_key()["KeyMetadata"]["KeyId"]


@pytest.fixture
def provider(region: S3Region, key_id: str) -> KekProvider:
    return AwsKmsKekProvider(region.kms_client(), key_id)


def test_a_generated_key_unwraps(provider: KekProvider, key_id: str) -> None:
    key, wrapped = provider.generate(CONTEXT)
    assert (wrapped.provider, wrapped.version) == ("aws-kms", key_id)
    assert provider.unwrap(wrapped, CONTEXT) == key


def test_a_given_key_is_wrapped(provider: KekProvider) -> None:
    wrapped = provider.wrap(KEY, CONTEXT)
    assert KEY.reveal() not in wrapped.ciphertext
    assert provider.unwrap(wrapped, CONTEXT) == KEY


@pytest.mark.parametrize("context", [{}, {**CONTEXT, "purpose": "root"}, {"repo": "r"}])
def test_another_context_is_the_wrong_key(provider: KekProvider, context: dict[str, str]) -> None:
    wrapped = provider.wrap(KEY, CONTEXT)
    with pytest.raises(WrongKeyError):
        provider.unwrap(wrapped, context)


def test_damaged_ciphertext_is_the_wrong_key(provider: KekProvider) -> None:
    wrapped = provider.wrap(KEY, CONTEXT)
    flipped = wrapped.ciphertext[:-1] + bytes([wrapped.ciphertext[-1] ^ 1])
    with pytest.raises(WrongKeyError):
        provider.unwrap(WrappedKey("aws-kms", wrapped.version, flipped), CONTEXT)


def test_a_key_from_a_key_file_is_refused(provider: KekProvider) -> None:
    with pytest.raises(WrongKeyError, match="local"):
        provider.unwrap(WrappedKey("local", "v1", bytes(61)), CONTEXT)


def test_a_key_that_does_not_exist_is_not_found(region: S3Region) -> None:
    absent = AwsKmsKekProvider(region.kms_client(), "00000000-0000-0000-0000-000000000000")
    with pytest.raises(KeyVersionNotFoundError):
        absent.generate(CONTEXT)
    with pytest.raises(KeyVersionNotFoundError):
        absent.current_version()


def test_an_alias_moved_to_another_key_is_a_rotation(region: S3Region, key_id: str) -> None:
    client = region.kms_client()
    alias = f"alias/{key_id}"
    client.create_alias(AliasName=alias, TargetKeyId=key_id)
    provider = AwsKmsKekProvider(client, alias)
    wrapped = provider.wrap(KEY, CONTEXT)

    successor = client.create_key()["KeyMetadata"]["KeyId"]
    client.update_alias(AliasName=alias, TargetKeyId=successor)
    moved = provider.rewrap(wrapped, CONTEXT)

    assert (wrapped.version, moved.version, provider.current_version()) == (key_id, successor, successor)
    assert provider.unwrap(wrapped, CONTEXT) == provider.unwrap(moved, CONTEXT) == KEY


@pytest.mark.parametrize("kind", ["key", "alias"])
def test_a_key_given_by_arn_opens_by_arn(region: S3Region, key_id: str, kind: str) -> None:
    client = region.kms_client()
    client.create_alias(AliasName=f"alias/{key_id}", TargetKeyId=key_id)
    arn = client.describe_key(KeyId=key_id)["KeyMetadata"]["Arn"]
    given = arn if kind == "key" else arn.replace(":key/", ":alias/")
    provider = AwsKmsKekProvider(client, given)
    wrapped = provider.wrap(KEY, CONTEXT)
    assert wrapped.version == key_id
    assert provider.unwrap(wrapped, CONTEXT) == KEY
    assert provider.unwrap(provider.rewrap(wrapped, CONTEXT), CONTEXT) == KEY


ANSWERS: list[tuple[int, str, type[StrongroomError]]] = [
    (400, "AccessDeniedException", KeyProviderDeniedError),
    (400, "UnrecognizedClientException", KeyProviderDeniedError),
    (400, "DisabledException", KeyDisabledError),
    (400, "KMSInvalidStateException", KeyDisabledError),
    (400, "IncorrectKeyException", WrongKeyError),
    (400, "ThrottlingException", KeyProviderUnavailableError),
    (500, "KMSInternalException", KeyProviderUnavailableError),
    (503, "", KeyProviderUnavailableError),
]


def _provider_at(url: str, key: str = "alias/strongroom") -> KekProvider:
    config = Config(connect_timeout=20, read_timeout=20, retries={"total_max_attempts": 1})
    session = boto3.session.Session("id", "secret", region_name="eu-west-1")
    return AwsKmsKekProvider(session.client("kms", endpoint_url=url, config=config), key)


@pytest.mark.parametrize(("status", "code", "expected"), ANSWERS)
def test_every_refusal_has_its_own_error(status: int, code: str, expected: type[StrongroomError]) -> None:
    body = json.dumps({"__type": code, "message": "no"}).encode()
    calls: list[Callable[[KekProvider], object]] = [
        lambda provider: provider.generate(CONTEXT),
        lambda provider: provider.wrap(KEY, CONTEXT),
        lambda provider: provider.unwrap(WrappedKey("aws-kms", "some-id", b"x"), CONTEXT),
        lambda provider: provider.rewrap(WrappedKey("aws-kms", "some-id", b"x"), CONTEXT),
        lambda provider: provider.current_version(),
    ]
    with canned_server(lambda _: Canned(status, body, {"x-amzn-errortype": code})) as server:
        for call in calls:
            with pytest.raises(expected) as caught:
                call(_provider_at(server.url))
            assert caught.value.next_step


def test_a_kms_that_is_down_is_unavailable() -> None:
    with canned_server(lambda _: Canned(200)) as server:
        url = server.url
    with pytest.raises(KeyProviderUnavailableError):
        _provider_at(url).generate(CONTEXT)


@pytest.mark.parametrize("configured", ["mrk-1234", "arn:aws:kms:us-west-2:111122223333:key/mrk-1234"])
def test_a_multi_region_key_is_asked_for_in_its_own_region_whoever_sealed(configured: str) -> None:
    # KMS opens with any replica what another one sealed; moto cannot, so that the request is looked at.
    answer = json.dumps({"Plaintext": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=", "KeyId": configured}).encode()
    sealed_elsewhere = WrappedKey("aws-kms", "mrk-1234", b"sealed by the replica in another region")
    with canned_server(lambda _: Canned(200, answer)) as server:
        opened = _provider_at(server.url, configured).unwrap(sealed_elsewhere, CONTEXT)
    assert opened == KEY
    assert json.loads(server.asked[0].body)["KeyId"] == configured
