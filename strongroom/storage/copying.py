"""Copying an object between two regions without fetching it, where one provider has both."""

from strongroom.storage.errors import StoreDeniedError
from strongroom.storage.store import Store


def copy_inside_provider(source: Store, target: Store, key: str, size: int) -> bool:
    """Have the provider of both regions copy the object, and say whether it did; raises what the stores raise.

    A provider that refuses, as when the key of one region may not read the other, is no error: the caller sends the
    bytes itself. What arrived has to be confirmed by the caller.
    """
    # boto3 is an optional dependency: without it no region is a bucket.
    try:
        from strongroom.storage.s3 import S3Store
    except ModuleNotFoundError:
        return False
    if not (isinstance(source, S3Store) and isinstance(target, S3Store) and target.shares_provider(source)):
        return False
    try:
        target.copy_from(source, key, size)
    except StoreDeniedError:
        return False
    return True
