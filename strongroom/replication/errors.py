"""What can keep a replica from being made."""

from strongroom.errors import UnavailableError


class NoSourceRegionError(UnavailableError):
    """No other region that holds the backup answers, so there is nothing to copy from."""

    code = "replication.no_source_region"
