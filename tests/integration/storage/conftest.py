"""Empty S3 stores on the servers that tests/services starts."""

from collections.abc import Callable

import pytest

from strongroom.storage.s3 import S3Store
from strongroom.storage.s3_client import S3Access, S3Patience, s3_client
from tests.services.s3 import S3Region

QUICK = S3Patience(connect_seconds=1, silence_seconds=1, attempts=2)


def access_to(region: S3Region) -> S3Access:
    return S3Access(region.endpoint, region.name, region.access_key, region.secret_key)


@pytest.fixture
def s3_store() -> Callable[[S3Region], S3Store]:
    """A function that makes a store in a bucket of its own."""

    def make(region: S3Region) -> S3Store:
        return S3Store(region.name, s3_client(access_to(region)), region.new_bucket(), "backups/")

    return make
