"""The store contract kept by S3 stores, on a lenient server and on a real one."""

from collections.abc import Callable

import pytest

from strongroom.storage.s3 import S3Store
from strongroom.storage.store import Store
from tests.services.s3 import REGION_NAMES, S3Region
from tests.unit.storage.store_contract import StoreContract
from tests.unit.storage.throttled import SleptClock, one_mib_a_second

HOME = REGION_NAMES[0]


class TestS3StoreOnMoto(StoreContract):
    @pytest.fixture
    def store(self, moto_regions: dict[str, S3Region], s3_store: Callable[[S3Region], S3Store]) -> Store:
        return s3_store(moto_regions[HOME])


class TestLimitedS3Store(StoreContract):
    @pytest.fixture
    def store(self, moto_regions: dict[str, S3Region], s3_store: Callable[..., S3Store]) -> Store:
        return s3_store(moto_regions[HOME], one_mib_a_second(SleptClock()))


class TestS3StoreOnCeph(StoreContract):
    @pytest.fixture
    def store(self, rgw_regions: dict[str, S3Region], s3_store: Callable[[S3Region], S3Store]) -> Store:
        return s3_store(rgw_regions[HOME])
