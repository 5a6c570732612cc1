"""What S3 knows about an object besides its bytes, kept in one extended attribute of its entry."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from strongroom.tree.entry import Entry

ATTRIBUTE = b"user.strongroom.s3"

HEADERS = {
    "content_type": "ContentType",
    "cache_control": "CacheControl",
    "content_disposition": "ContentDisposition",
    "content_encoding": "ContentEncoding",
    "content_language": "ContentLanguage",
    "website_redirect": "WebsiteRedirectLocation",
    "storage_class": "StorageClass",
}
"""Ours, and what the calls that read and write an object call it."""


class ObjectFacts(msgspec.Struct, frozen=True, omit_defaults=True):
    """The key of an object, whatever its entry is called, and what a restore gives back to it."""

    key: str
    version_id: str = ""
    etag: str = ""
    marker: bool = False
    headers: dict[str, str] = {}
    metadata: dict[str, str] = {}
    tags: dict[str, str] = {}
    expires: str = ""


def facts_of(key: str, answer: Mapping[str, Any], tags: Mapping[str, str]) -> ObjectFacts:
    """Return what the answer of GetObject says."""
    expires = answer.get("Expires")
    return ObjectFacts(
        key=key,
        version_id=str(answer.get("VersionId", "")),
        etag=str(answer.get("ETag", "")).strip('"'),
        headers={ours: str(answer[theirs]) for ours, theirs in HEADERS.items() if answer.get(theirs)},
        metadata=dict(answer.get("Metadata", {})),
        tags=dict(tags),
        expires=expires.isoformat() if isinstance(expires, datetime) else "",
    )


def as_attributes(facts: ObjectFacts) -> list[tuple[bytes, bytes]]:
    """Return the extended attributes of an entry."""
    return [(ATTRIBUTE, msgspec.json.encode(facts))]


def find_facts(entry: Entry) -> ObjectFacts | None:
    """Return what an entry says about its object; None for what is none."""
    for name, value in entry.xattrs:
        if name == ATTRIBUTE:
            return msgspec.json.decode(value, type=ObjectFacts)
    return None
