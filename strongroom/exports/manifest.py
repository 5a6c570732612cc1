"""The manifest of an export: what it holds, in JSON that people and scripts can read.

Nothing in it is trusted. Sizes and digests find damage early and say which file it is; what proves that the content is
what was backed up are the signatures and keys inside of the archives.
"""

import json
import re
from datetime import datetime
from pathlib import PurePath
from typing import Annotated, Any
from uuid import UUID

import msgspec

from strongroom.exports.errors import ManifestError

VERSION = "1.0"
LARGEST = 1 << 20
_NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]
Size = Annotated[int, msgspec.Meta(gt=0)]


class StoragePart(msgspec.Struct, frozen=True, kw_only=True):
    """A directory tree: the archive with its backup, and where the backup came from."""

    backup_file: str
    size_bytes: Size
    sha256: Sha256
    source: str
    backup: UUID


class DatabasePart(StoragePart, frozen=True, kw_only=True):
    """A database: the same, and the server that it was on."""

    host: str
    port: str
    name: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What one export holds; a part that is not in it is None."""

    timestamp: datetime
    version: str
    database: DatabasePart | None = None
    storage: StoragePart | None = None

    @property
    def parts(self) -> tuple[StoragePart, ...]:
        """Return the parts that there are."""
        return tuple(part for part in (self.database, self.storage) if part is not None)


def manifest_json(manifest: Manifest) -> bytes:
    """Return the manifest as it is written: indented, in UTF-8."""
    return (json.dumps(manifest_document(manifest), indent=2, ensure_ascii=False) + "\n").encode()


def manifest_document(manifest: Manifest) -> dict[str, Any]:
    """Return the fields in the order in which people look for them, the moment in UTC."""
    document = msgspec.to_builtins(manifest)
    document["timestamp"] = manifest.timestamp.isoformat(timespec="seconds").replace("+00:00", "Z")
    return {name: _ordered(value) if isinstance(value, dict) else value for name, value in document.items()}


def _ordered(part: dict[str, Any]) -> dict[str, Any]:
    first = [name for name in ("host", "port", "name") if name in part]
    return {name: part[name] for name in (*first, *part)}


def parse_manifest(raw: bytes) -> Manifest:
    """Read a manifest; raises ManifestError."""
    try:
        manifest = msgspec.json.decode(raw, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise _wrong(str(error)) from None
    if manifest.timestamp.tzinfo is None:
        raise _wrong("its timestamp has no time zone")
    if manifest.version != VERSION:
        raise ManifestError(
            f"The manifest has version {manifest.version[:20]!r}, and {VERSION} is known here.",
            next_step="Restore with the version of Strongroom that made the export, or a newer one.",
        )
    if not manifest.parts:
        raise _wrong("it names neither a database nor storage")
    for part in manifest.parts:
        _verify_file_name(part.backup_file)
    return manifest


def _verify_file_name(name: str) -> None:
    # A path could lead out of the directory.
    if not _NAME.fullmatch(name) or name in {".", ".."} or PurePath(name).name != name:
        raise _wrong("the name of a file in it is none")


def _wrong(reason: str) -> ManifestError:
    return ManifestError(
        f"This is not the manifest of an export: {reason}.",
        next_step="Take another export; the regions hold the backups as well: `strongroom backup list`.",
    )
