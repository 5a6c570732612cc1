"""Three moto servers as three regions: fast, lenient, in memory. S3 and KMS at the same endpoint."""

import importlib.util
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server, make_private_directory
from tests.services.requirement import service_is_missing
from tests.services.s3 import REGION_NAMES, S3Region
from tests.services.sharing import regions_started_once

# moto accepts every key.
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


def _start_region(name: str, directory: Path) -> S3Region:
    port = ReservedPort()
    region = S3Region(name, f"http://{LOOPBACK}:{port.number}", ACCESS_KEY, SECRET_KEY)
    argv = [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port.number)]
    Server(name, argv, directory).start(region.answers)
    port.release()
    return region


def _start_regions(directory: Path) -> list[S3Region]:
    make_private_directory(directory)
    with ThreadPoolExecutor(len(REGION_NAMES)) as pool:
        return list(pool.map(lambda name: _start_region(name, directory), REGION_NAMES))


@pytest.fixture(scope="session")
def moto_regions(run_directory: Path) -> dict[str, S3Region]:
    """Three regions by name, home first; shared by all workers, so every test makes its own buckets and keys.

    They cannot be stopped: to see a region go down, put `tcp_proxy` in front of it or use `rgw_gateways`.
    """
    if importlib.util.find_spec("moto") is None:
        service_is_missing("moto is not installed: `pip install 'moto[kms,s3,server]'`.")
    directory = run_directory / "moto"
    return regions_started_once(directory, lambda: _start_regions(directory))
