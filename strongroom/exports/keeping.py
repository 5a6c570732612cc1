"""Which exports stay in a directory and which go."""

import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from strongroom.exports.errors import ManifestError
from strongroom.exports.manifest import LARGEST, parse_manifest
from strongroom.exports.naming import MANIFEST, find_moment


@dataclass(frozen=True, slots=True)
class Keeping:
    """How long exports stay: those younger than `days`, and the `newest` in any case; nothing goes without either."""

    days: int | None = None
    newest: int | None = None

    @property
    def everything(self) -> bool:
        """Say whether nothing ever goes."""
        return self.days is None and self.newest is None


@dataclass(frozen=True, slots=True)
class Kept:
    """An export in the directory, and when it was made."""

    path: Path
    moment: datetime


def list_exports(directory: Path) -> list[Kept]:
    """Return the exports of a directory, newest first; whatever else lies there is not touched or counted."""
    found = ((path, find_moment(path.name)) for path in directory.iterdir())
    exports = [Kept(path, moment) for path, moment in found if moment is not None and _is_export(path)]
    return sorted(exports, key=lambda export: export.moment, reverse=True)


def plan_removal(exports: Iterable[Kept], keeping: Keeping, now: datetime) -> list[Kept]:
    """Return what goes: neither young enough nor among the newest, of which one stays whatever its age."""
    if keeping.everything:
        return []
    ordered = sorted(exports, key=lambda export: export.moment, reverse=True)
    rest = ordered[max(1, keeping.newest or 1) :]
    if keeping.days is None:
        return rest
    oldest = now - timedelta(days=keeping.days)
    return [export for export in rest if export.moment < oldest]


def remove(export: Kept) -> None:
    """Delete an export; its manifest goes first, so that what is left of one that was broken off passes for none."""
    (export.path / MANIFEST).unlink()
    shutil.rmtree(export.path)


def _is_export(path: Path) -> bool:
    if path.is_symlink() or not path.is_dir():
        return False
    try:
        with (path / MANIFEST).open("rb") as file:
            parse_manifest(file.read(LARGEST))
    except (OSError, ManifestError):
        return False
    return True
