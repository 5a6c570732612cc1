"""Three moto servers as three regions: fast, lenient, in memory. S3 and KMS at the same endpoint."""

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server, make_private_directory
from tests.services.requirement import service_is_missing
from tests.services.s3 import REGION_NAMES, S3Region
from tests.services.sharing import Facts, started_once

if TYPE_CHECKING:
    from types_boto3_s3.literals import BucketLocationConstraintType


def _region(name: "BucketLocationConstraintType", endpoint: str) -> S3Region:
    # moto accepts every key.
    return S3Region(name, endpoint, "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


def _start_region(name: "BucketLocationConstraintType", directory: Path) -> str:
    port = ReservedPort()
    argv = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port.number)]
    region = _region(name, f"http://{LOOPBACK}:{port.number}")
    Server(name, argv, directory).start(region.answers)
    port.release()
    return region.endpoint


def _start_regions(directory: Path) -> Facts:
    make_private_directory(directory)
    with ThreadPoolExecutor(len(REGION_NAMES)) as pool:
        endpoints = pool.map(lambda name: _start_region(name, directory), REGION_NAMES)
        return dict(zip(REGION_NAMES, endpoints, strict=True))


@pytest.fixture(scope="session")
def moto_regions(run_directory: Path) -> dict[str, S3Region]:
    """Three regions by name, home first; shared by all workers, so every test makes its own buckets and keys.

    They cannot be stopped: to see a region go down, put `tcp_proxy` in front of it or use `rgw_outage`.
    """
    if importlib.util.find_spec("moto") is None:
        service_is_missing("moto is not installed: `pip install 'moto[kms,s3,server]'`.")
    directory = run_directory / "moto"
    endpoints = started_once(directory, lambda: _start_regions(directory))
    return {name: _region(name, endpoints[name]) for name in REGION_NAMES}
