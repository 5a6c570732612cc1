"""How the directories and files of exports are called."""

import re
from datetime import UTC, datetime

MANIFEST = "manifest.json"
_PATTERN = "%Y%m%d_%H%M%S"
_DIRECTORY = re.compile(r"backup_(\d{8}_\d{6})")


def stamp(moment: datetime) -> str:
    """Return the moment as names carry it: UTC, to the second."""
    return moment.astimezone(UTC).strftime(_PATTERN)


def directory_name(moment: datetime) -> str:
    """Return the name of an export's directory."""
    return f"backup_{stamp(moment)}"


def archive_name(part: str, moment: datetime) -> str:
    """Return the name of the file with one part, `db` or `storage`."""
    return f"{part}_backup_{stamp(moment)}.tar"


def find_moment(directory: str) -> datetime | None:
    """Return when the export of this name was made; None for any other name."""
    match = _DIRECTORY.fullmatch(directory)
    try:
        return datetime.strptime(match[1], _PATTERN).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None
