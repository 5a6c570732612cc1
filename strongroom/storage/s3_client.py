"""How Strongroom talks to S3: one place for timeouts, retries, signing and checksums."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from botocore.config import Config
from botocore.handlers import add_expect_header
from botocore.session import get_session

from strongroom.spans.recording import is_recording
from strongroom.storage.s3_sending import send_in_pieces
from strongroom.storage.s3_spans import record_calls

if TYPE_CHECKING:
    from types_boto3_s3 import S3Client

# S3 servers other than AWS care little about the region's name, but a signature needs one.
DEFAULT_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class S3Patience:
    """How long a call may take: seconds to connect, seconds of silence, attempts. A dead server costs under 60 s."""

    connect_seconds: float = 5
    silence_seconds: float = 18
    attempts: int = 3


@dataclass(frozen=True, slots=True)
class S3Access:
    """Where a bucket is and who asks; without an access key the AWS default chain decides."""

    endpoint: str | None = None
    region: str | None = None
    access_key: str | None = None
    secret_key: str | None = None

    def __repr__(self) -> str:
        return f"S3Access(endpoint={self.endpoint!r}, region={self.region!r})"


def s3_client(access: S3Access, patience: S3Patience = S3Patience()) -> "S3Client":
    """Make a client that may be shared among threads; nothing is sent yet."""
    # Through boto3's own session comes its transfer manager, which nobody uses and every command would wait for.
    made = get_session().create_client(
        "s3",
        region_name=_region_name(access),
        endpoint_url=access.endpoint,
        aws_access_key_id=access.access_key,
        aws_secret_access_key=access.secret_key,
        config=_config(access, patience),
    )
    client = cast("S3Client", made)
    # With "Expect: 100-continue" every pack would wait for an answer first, and a second where a server has none.
    client.meta.events.unregister("before-call.s3", add_expect_header)
    send_in_pieces(client)
    if is_recording():
        record_calls(client, _region_name(access))
    return client


def _region_name(access: S3Access) -> str | None:
    return access.region or (DEFAULT_REGION if access.endpoint else None)


def _config(access: S3Access, patience: S3Patience) -> Config:
    return Config(
        connect_timeout=patience.connect_seconds,
        read_timeout=patience.silence_seconds,
        retries={"mode": "standard", "total_max_attempts": patience.attempts},
        tcp_keepalive=True,
        max_pool_connections=16,
        # Every object carries its own SHA-256; botocore's default CRC32 trailer breaks servers other than AWS.
        request_checksum_calculation="when_required",
        response_checksum_validation="when_required",
        s3={
            "addressing_style": "path" if access.endpoint else "auto",
            # The signed SHA-256 and Content-MD5 headers already bind the body; signing it too doubles the CPU time.
            "payload_signing_enabled": False,
        },
    )
