import pytest
from botocore.exceptions import ClientError

from tests.services.s3 import REGION_NAMES, S3Region


def test_each_region_returns_what_was_put(moto_regions: dict[str, S3Region]) -> None:
    assert tuple(moto_regions) == REGION_NAMES
    for name, region in moto_regions.items():
        bucket = region.new_bucket()
        region.client().put_object(Bucket=bucket, Key="k", Body=name.encode())
        assert region.client().get_object(Bucket=bucket, Key="k")["Body"].read() == name.encode()


def test_a_bucket_of_one_region_is_unknown_to_the_others(moto_regions: dict[str, S3Region]) -> None:
    home, other, _ = moto_regions.values()
    bucket = home.new_bucket()
    with pytest.raises(ClientError, match="404"):
        other.client().head_bucket(Bucket=bucket)


def test_each_region_has_its_own_kms(moto_regions: dict[str, S3Region]) -> None:
    home, other, _ = moto_regions.values()
    key = home.kms_client().create_key()["KeyMetadata"]["KeyId"]
    sealed = home.kms_client().encrypt(KeyId=key, Plaintext=b"data key", EncryptionContext={"purpose": "test"})
    opened = home.kms_client().decrypt(CiphertextBlob=sealed["CiphertextBlob"], EncryptionContext={"purpose": "test"})
    assert opened["Plaintext"] == b"data key"
    with pytest.raises(ClientError, match="NotFoundException"):
        other.kms_client().describe_key(KeyId=key)
