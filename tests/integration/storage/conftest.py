"""Empty S3 stores on the servers that tests/services starts."""

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from strongroom.storage.s3 import S3Store
from strongroom.storage.s3_client import S3Access, S3Patience, s3_client
from strongroom.storage.throttle import Throttle, unlimited
from tests.services.s3 import S3Region

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

QUICK = S3Patience(connect_seconds=1, silence_seconds=1, attempts=2)


def access_to(region: S3Region) -> S3Access:
    return S3Access(region.endpoint, region.name, region.access_key, region.secret_key)


@dataclass(frozen=True)
class Place:
    """A client and a bucket that the tests of one process share."""

    client: "S3Client"
    bucket: str


@pytest.fixture(scope="session")
def places() -> dict[str, Place]:
    """What was made so far, by endpoint."""
    return {}


@pytest.fixture
def s3_store(places: dict[str, Place]) -> Callable[..., S3Store]:
    """A function that makes an empty store, below a prefix of its own."""

    def make(region: S3Region, throttle: Throttle | None = None) -> S3Store:
        if region.endpoint not in places:
            places[region.endpoint] = Place(s3_client(access_to(region)), region.new_bucket())
        place = places[region.endpoint]
        prefix = f"{secrets.token_hex(8)}/"
        return S3Store(region.name, place.client, place.bucket, prefix, throttle=throttle or unlimited())

    return make
