"""The manifest of an export: the fields that scripts rely on, and what is not taken for a manifest."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest

from strongroom.exports.errors import ManifestError
from strongroom.exports.manifest import DatabasePart, Manifest, StoragePart, manifest_json, parse_manifest

BACKUP = UUID("01a201dc-4107-7da8-b150-0bfcc9ec8676")
DATABASE = DatabasePart(
    host="localhost",
    port="5432",
    name="shop",
    backup_file="db_backup_20251120_120000.tar",
    size_bytes=5242880,
    sha256="a" * 64,
    source="shop",
    backup=BACKUP,
)
STORAGE = StoragePart(
    backup_file="storage_backup_20251120_120000.tar", size_bytes=10485760, sha256="b" * 64, source="up", backup=BACKUP
)
MANIFEST = Manifest(timestamp=datetime(2025, 11, 20, 12, tzinfo=UTC), version="1.0", database=DATABASE, storage=STORAGE)


def document() -> dict[str, Any]:
    read: dict[str, Any] = json.loads(manifest_json(MANIFEST))
    return read


def test_it_has_the_fields_that_scripts_rely_on() -> None:
    written = document()
    assert set(written) == {"timestamp", "version", "database", "storage"}
    assert {"host", "port", "name", "backup_file", "size_bytes"} <= set(written["database"])
    assert {"backup_file", "size_bytes"} <= set(written["storage"])
    assert written["database"] | {} == written["database"]
    assert written["database"]["port"] == "5432"
    assert written["database"]["size_bytes"] == 5242880


def test_its_timestamp_is_iso_8601_in_utc() -> None:
    assert document()["timestamp"] == "2025-11-20T12:00:00Z"
    assert datetime.fromisoformat(document()["timestamp"]) == MANIFEST.timestamp


def test_it_is_read_back_as_it_was_written() -> None:
    assert parse_manifest(manifest_json(MANIFEST)) == MANIFEST


def test_a_part_that_is_not_there_is_null_and_the_rest_is_read() -> None:
    only = Manifest(timestamp=MANIFEST.timestamp, version="1.0", database=DATABASE)
    assert json.loads(manifest_json(only))["storage"] is None
    assert parse_manifest(manifest_json(only)).parts == (DATABASE,)


def test_fields_that_a_later_version_adds_are_passed_over() -> None:
    assert parse_manifest(json.dumps(document() | {"note": "x"}).encode()) == MANIFEST


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"[]", b"null", b"\xff\xfe", b'"text"', b"{}"], ids=lambda raw: repr(raw.decode("latin-1"))
)
def test_what_is_no_manifest_is_refused(raw: bytes) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(raw)


@pytest.mark.parametrize(
    "change",
    [
        {"timestamp": "yesterday"},
        {"timestamp": "2025-11-20T12:00:00"},
        {"timestamp": None},
        {"version": 1},
        {"version": "2.0"},
        {"database": None, "storage": None},
        {"database": {"host": "localhost"}},
        {"storage": "storage.tar"},
    ],
    ids=str,
)
def test_a_manifest_with_a_wrong_field_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ManifestError):
        parse_manifest(json.dumps(document() | change).encode())


@pytest.mark.parametrize(
    "change",
    [
        {"size_bytes": 0},
        {"size_bytes": -1},
        {"size_bytes": "5"},
        {"sha256": "a" * 63},
        {"sha256": "A" * 64},
        {"backup": "none"},
        {"backup_file": ""},
        {"backup_file": ".."},
        {"backup_file": "../other.tar"},
        {"backup_file": "/etc/passwd"},
        {"backup_file": "a/b.tar"},
        {"backup_file": "a\0b"},
    ],
    ids=str,
)
def test_a_part_with_a_wrong_field_is_refused(change: dict[str, Any]) -> None:
    wrong = document()
    wrong["storage"] |= change
    with pytest.raises(ManifestError):
        parse_manifest(json.dumps(wrong).encode())
