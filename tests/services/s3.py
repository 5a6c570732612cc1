"""What a test knows about one region's S3 server, whichever server that is."""

import functools
import secrets
import socket
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient
    from types_boto3_s3 import S3Client
    from types_boto3_s3.literals import BucketLocationConstraintType

REGION_NAMES = ("eu-central-1", "us-west-2", "ap-southeast-2")
TEST_CLIENT = Config(
    connect_timeout=5,
    read_timeout=30,
    retries={"total_max_attempts": 2, "mode": "standard"},
    s3={"addressing_style": "path"},
    request_checksum_calculation="when_required",
    response_checksum_validation="when_required",
)
MAKING_A_CLIENT = threading.Lock()


@functools.cache
def _session(region: str, access_key: str, secret_key: str) -> boto3.session.Session:
    # A new session would read botocore's large service descriptions again, but one may not make two clients at once.
    return boto3.session.Session(access_key, secret_key, region_name=region)


@dataclass(frozen=True)
class S3Region:
    """One region: its S3 endpoint and a user who may make buckets there. Nothing is shared with the other regions."""

    name: str
    endpoint: str
    access_key: str
    secret_key: str

    def client(self) -> "S3Client":
        """Return a plain S3 client for preparing and inspecting what the code under test does."""
        with MAKING_A_CLIENT:
            return self._session().client("s3", endpoint_url=self.endpoint, config=TEST_CLIENT)

    def kms_client(self) -> "KMSClient":
        """Return a KMS client; only moto's regions have a KMS, at the same endpoint."""
        with MAKING_A_CLIENT:
            return self._session().client("kms", endpoint_url=self.endpoint, config=TEST_CLIENT)

    def new_bucket(self) -> str:
        """Make an empty bucket that no other test knows, and return its name."""
        bucket = f"strongroom-{secrets.token_hex(8)}"
        place = cast("BucketLocationConstraintType", self.name)
        self.client().create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": place})
        return bucket

    def answers(self) -> bool:
        """Say whether the server accepts this region's keys right now."""
        address = urlsplit(self.endpoint)
        try:
            socket.create_connection((address.hostname or "", address.port or 0), timeout=5).close()
            self.client().list_buckets()
        except (OSError, BotoCoreError, ClientError):
            return False
        return True

    def _session(self) -> boto3.session.Session:
        return _session(self.name, self.access_key, self.secret_key)
