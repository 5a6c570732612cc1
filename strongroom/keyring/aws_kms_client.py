"""How Strongroom talks to AWS KMS: one place for timeouts and retries."""

from typing import TYPE_CHECKING

import boto3
from botocore.config import Config

if TYPE_CHECKING:
    from types_boto3_kms import KMSClient

# A dead KMS costs under a minute; its calls are small, so long silence means trouble.
_CONFIG = Config(
    connect_timeout=5,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 4},
    tcp_keepalive=True,
)


def kms_client(
    *, endpoint: str | None, kms_region: str | None, access_key: str | None, secret_key: str | None
) -> "KMSClient":
    """Make a client that may be shared among threads; without an access key the AWS default chain decides."""
    # A KMS other than that of AWS cares little about the region's name, but a signature needs one.
    region_name = kms_region or ("us-east-1" if endpoint else None)
    session = boto3.session.Session(access_key, secret_key, region_name=region_name)
    return session.client("kms", endpoint_url=endpoint, config=_CONFIG)
