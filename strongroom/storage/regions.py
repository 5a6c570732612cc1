"""From a region's settings to its store."""

from typing import TYPE_CHECKING

from pydantic import SecretStr

from strongroom.storage.errors import ClientMissingError
from strongroom.storage.local import LocalStore
from strongroom.storage.s3_writing import LockMode, ObjectLock, S3Writing
from strongroom.storage.store import Store
from strongroom.storage.throttle import Throttle, TrafficLimits, unlimited

if TYPE_CHECKING:
    from strongroom.settings.regions import RegionSettings


def open_store(region: "RegionSettings", throttle: Throttle | None = None) -> Store:
    """Make the store of a region; nothing is read or sent yet. Raises ClientMissingError where boto3 is missing."""
    throttle = throttle or unlimited()
    if region.path is not None:
        return LocalStore(region.name, region.path, throttle=throttle)
    return _open_s3(region, throttle)


def traffic_limits(region: "RegionSettings") -> TrafficLimits:
    """Return how fast the region may be used."""
    return TrafficLimits(
        requests_per_second=region.requests_per_second,
        upload_mib_per_second=region.upload_mib_per_second,
        download_mib_per_second=region.download_mib_per_second,
    )


def _open_s3(region: "RegionSettings", throttle: Throttle) -> Store:
    # boto3 takes 0.3 s to import, and it is an optional dependency.
    try:
        from strongroom.storage.s3 import S3Store
        from strongroom.storage.s3_client import S3Access, s3_client
    except ModuleNotFoundError as error:
        raise ClientMissingError(
            f"Region {region.name} is an S3 bucket, but boto3 is not installed.",
            next_step="Install it: `pip install 'strongroom[aws]'`.",
        ) from error
    access = S3Access(region.endpoint, region.s3_region, _revealed(region.access_key), _revealed(region.secret_key))
    prefix = region.prefix.strip("/")
    prefix = f"{prefix}/" if prefix else ""
    return S3Store(
        region.name,
        s3_client(access),
        region.bucket or "",
        prefix,
        provider=(region.endpoint or "aws", access.access_key or ""),
        writing=_writing(region),
        throttle=throttle,
    )


def _writing(region: "RegionSettings") -> S3Writing:
    lock = None
    if region.object_lock is not None and region.object_lock_days is not None:
        lock = ObjectLock(LockMode(region.object_lock.upper()), region.object_lock_days)
    return S3Writing(region.storage_class, region.sse, region.sse_kms_key, lock)


def _revealed(secret: SecretStr | None) -> str | None:
    return None if secret is None else secret.get_secret_value()
