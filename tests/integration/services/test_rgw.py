from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from tests.services.ceph import PROGRAMS, missing_programs
from tests.services.rgw import Gateway
from tests.services.s3 import REGION_NAMES, S3Region


def test_programs_that_are_not_installed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.services.ceph.PROGRAM_PATH", str(tmp_path))
    assert missing_programs() == list(PROGRAMS)


def test_each_region_returns_what_was_put(rgw_regions: dict[str, S3Region]) -> None:
    assert tuple(rgw_regions) == REGION_NAMES
    for name, region in rgw_regions.items():
        bucket = region.new_bucket()
        region.client().put_object(Bucket=bucket, Key="k", Body=name.encode())
        assert region.client().get_object(Bucket=bucket, Key="k")["Body"].read() == name.encode()


def test_the_same_bucket_name_is_free_in_every_region(rgw_regions: dict[str, S3Region]) -> None:
    home, other, _ = rgw_regions.values()
    bucket = home.new_bucket()
    with pytest.raises(ClientError, match="404"):
        other.client().head_bucket(Bucket=bucket)


def test_a_region_knows_only_its_own_keys(rgw_regions: dict[str, S3Region]) -> None:
    home, other, _ = rgw_regions.values()
    stranger = S3Region(home.name, home.endpoint, other.access_key, other.secret_key)
    with pytest.raises(ClientError, match="InvalidAccessKeyId"):
        stranger.client().list_buckets()


def test_of_many_who_create_a_key_one_wins(rgw_regions: dict[str, S3Region]) -> None:
    home, _, _ = rgw_regions.values()
    client, bucket = home.client(), home.new_bucket()

    def create(number: int) -> bool:
        try:
            client.put_object(Bucket=bucket, Key="once", Body=bytes([number]), IfNoneMatch="*")
        except ClientError:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(create, range(8))) == 1


def test_a_stopped_region_is_down_alone_and_comes_back_with_its_data(rgw_gateways: dict[str, Gateway]) -> None:
    home, other, _ = rgw_gateways.values()
    bucket = home.new_bucket()
    home.client().put_object(Bucket=bucket, Key="kept", Body=b"yes")
    home.stop()
    with pytest.raises(EndpointConnectionError):
        home.client().list_buckets()
    other.new_bucket()
    home.start()
    assert home.client().get_object(Bucket=bucket, Key="kept")["Body"].read() == b"yes"


def test_a_region_stopped_by_one_test_stays_up_for_the_others(
    rgw_regions: dict[str, S3Region], rgw_gateways: dict[str, Gateway]
) -> None:
    for gateway in rgw_gateways.values():
        gateway.stop()
    for region in rgw_regions.values():
        region.new_bucket()
