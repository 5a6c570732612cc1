"""An S3 server on the loopback for one measurement: moto, in memory, with a bucket in it."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.services.ports import LOOPBACK, ReservedPort
from tests.services.processes import Server
from tests.services.s3 import S3Region

# moto accepts every key.
ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
REGION = "eu-central-1"


@dataclass(frozen=True, slots=True)
class Bucket:
    """Where a bucket is and who may use it."""

    url: str
    name: str
    access_key: str
    secret_key: str


@contextmanager
def running_bucket(folder: Path) -> Iterator[Bucket]:
    """Start a server with one empty bucket and end it with the block; its memory holds what is stored."""
    port = ReservedPort()
    region = S3Region(REGION, f"http://{LOOPBACK}:{port.number}", ACCESS_KEY, SECRET_KEY)
    server = Server("moto", [sys.executable, "-m", "moto.server", "-H", LOOPBACK, "-p", str(port.number)], folder)
    server.start(region.answers)
    try:
        yield Bucket(region.endpoint, region.new_bucket(), ACCESS_KEY, SECRET_KEY)
    finally:
        server.stop()
        port.release()
