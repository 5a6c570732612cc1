"""Reading an export back: everything is compared with its manifest before anything is made of it."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from strongroom.exports.errors import ExportDamagedError, ExportNotFoundError, ExportPlaceError
from strongroom.exports.manifest import LARGEST, Manifest, StoragePart, parse_manifest
from strongroom.exports.naming import MANIFEST

_PIECE = 1 << 20


@dataclass(frozen=True, slots=True)
class Export:
    """A directory that holds an export, and its manifest."""

    directory: Path
    manifest: Manifest

    def file_of(self, part: StoragePart) -> Path:
        """Return the archive of a part."""
        return self.directory / part.backup_file


def open_export(directory: Path) -> Export:
    """Read the manifest of an export; raises ExportNotFoundError, ExportPlaceError or ManifestError."""
    try:
        with (directory / MANIFEST).open("rb") as file:
            raw = file.read(LARGEST)
    except (FileNotFoundError, NotADirectoryError):
        raise ExportNotFoundError(
            f"{directory} holds no {MANIFEST}, so there is no export in it.",
            next_step="Name the directory that `backup.py` printed: .../backup_YYYYMMDD_HHMMSS.",
        ) from None
    except OSError as error:
        raise unreadable(directory / MANIFEST, error) from None
    return Export(directory, parse_manifest(raw))


def verify_part(export: Export, part: StoragePart, report: Callable[[int], None] = lambda _: None) -> None:
    """Compare an archive with the manifest, size first; raises ExportDamagedError or ExportPlaceError."""
    path = export.file_of(part)
    try:
        found = path.stat().st_size
        if found != part.size_bytes:
            raise _damaged(path, f"has {found} bytes, and {part.size_bytes} were written")
        digest = _digest(path, report)
    except FileNotFoundError:
        raise _damaged(path, "is not there") from None
    except OSError as error:
        raise unreadable(path, error) from None
    if digest != part.sha256:
        raise _damaged(path, "holds other bytes than were written")


def unreadable(path: Path, error: OSError) -> ExportPlaceError:
    """Say that this process may not, or cannot, read or write a path."""
    return ExportPlaceError(
        f"{path} cannot be used: {error.strerror}.",
        next_step="Run this as a user that may read and write there, or name another directory.",
    )


def _digest(path: Path, report: Callable[[int], None]) -> str:
    digest, done = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            digest.update(piece)
            done += len(piece)
            report(done)
    return digest.hexdigest()


def _damaged(path: Path, how: str) -> ExportDamagedError:
    return ExportDamagedError(
        f"The file {path.name} of the export {how}.",
        next_step="Nothing was changed. Take another export, or restore from a region: `strongroom restore run`.",
    )
