"""The names of log groups and hours in the tree of a backup.

    +aws+lambda+checkout/2026-11-21/19.jsonl   the events of group /aws/lambda/checkout from 19:00 to 20:00 UTC
    +aws+lambda+checkout/2026-11-21/20.missing what says that the events of an hour had gone before they were read

The name of a group has no `+` and no `%` (Amazon CloudWatch Logs, CreateLogGroup).
"""

from datetime import datetime

EVENTS = b".jsonl"
GAP = b".missing"
_UNUSABLE = {b".": b"%2E", b"..": b"%2E%2E"}


def directory_of(group: str) -> bytes:
    """Return the name of a group's directory."""
    name = group.replace("/", "+").encode()
    return _UNUSABLE.get(name, name)


def group_of(directory: bytes) -> str:
    """Return the name of the group that a directory belongs to."""
    return directory.replace(b"%2E", b".").decode().replace("+", "/")


def day_of(hour: datetime) -> bytes:
    """Return the name of a day's directory."""
    return f"{hour:%Y-%m-%d}".encode()


def file_of(hour: datetime, suffix: bytes) -> bytes:
    """Return the name of an hour's file."""
    return f"{hour:%H}".encode() + suffix
