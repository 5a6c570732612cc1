"""What an operating system error means for a region in a directory."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from strongroom.errors import StrongroomError
from strongroom.storage.errors import InvalidKeyError, StoreDeniedError, StoreFullError, StoreUnavailableError

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_KEY_IN_THE_WAY = {errno.ENOTDIR, errno.EISDIR, errno.ENAMETOOLONG}


@contextmanager
def translated(region: str, what: str) -> Iterator[None]:
    """Turn an OSError raised inside into the Store contract's error; `what` is the key or directory in the message."""
    try:
        yield
    except OSError as error:
        raise _translate(error, region, what) from error


def _translate(error: OSError, region: str, what: str) -> StrongroomError:
    reason = error.strerror or "unknown reason"
    if error.errno in _FULL:
        return StoreFullError(
            f"Region {region} has no room for {what} ({reason}); nothing was kept of it.",
            next_step="Free space or raise the quota there, then run the job again.",
            region=region,
        )
    if error.errno in _DENIED:
        return StoreDeniedError(
            f"The file system refused {what} in region {region} ({reason}).",
            next_step="Give the user that Strongroom runs as read and write access to the region's directory.",
            region=region,
        )
    if error.errno in _KEY_IN_THE_WAY:
        return InvalidKeyError(
            f"{what} cannot be a file in region {region} ({reason}).",
            next_step="Choose a key that is neither a folder of another object nor below one.",
            region=region,
        )
    return StoreUnavailableError(
        f"Region {region} failed at {what} ({reason}).",
        next_step="Check the disk and the mount of the region's directory; the job will be tried again.",
        region=region,
    )
