"""An object's bytes, as content of an entry."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from strongroom.aws.answers import code_of
from strongroom.aws.calls import AwsCall
from strongroom.aws.client import AwsClient
from strongroom.aws.errors import (
    AwsBusyError,
    AwsNotFoundError,
    AwsRefusedError,
    KmsKeyRefusedError,
    PermissionMissingError,
)
from strongroom.aws.reading import ObjectBody, ObjectChangedError
from strongroom.errors import StrongroomError
from strongroom.sources.s3.digest import digest_of
from strongroom.sources.s3.listing import NO_VERSION
from strongroom.sources.s3.metadata import ObjectFacts, as_attributes, facts_of
from strongroom.sources.s3.sorting import Listed
from strongroom.tree.content import ContentVanishedError, OpenContent, Problem, ProblemKind
from strongroom.tree.entry import Entry, EntryType

FILE_MODE = 0o600
_OFTEN_OF_ONE_OBJECT = (
    AwsNotFoundError,
    AwsBusyError,
    AwsRefusedError,
    PermissionMissingError,
    KmsKeyRefusedError,
)


@dataclass(slots=True)
class Bucket:
    """The bucket that is read, and what reading it has come to so far."""

    client: AwsClient
    name: str
    read: int = 0
    denied: list[StrongroomError] = field(default_factory=list)
    tags_denied: str = ""

    def where(self, listed: Listed) -> dict[str, str]:
        """Return the parameters that name an object, by its version where that is another than the current one."""
        place = {"Bucket": self.name, "Key": listed.key}
        return place | {"VersionId": listed.version_id} if is_version(listed) else place


def is_version(listed: Listed) -> bool:
    """Say whether an object is asked for by its version.

    What was there before the bucket kept versions has none, and is asked for as `null` once it is not current.
    """
    return listed.version_id != NO_VERSION or not listed.is_latest


def entry_of(listed: Listed, name: bytes) -> Entry:
    """Return the entry of an object as its listing shows it.

    Version and ETag stand for the inode: an object that is replaced within the same second is another file.
    """
    identity = hashlib.blake2b(f"{listed.version_id}\n{listed.etag}".encode(), digest_size=8).digest()
    return Entry(
        name,
        EntryType.FILE,
        FILE_MODE,
        uid=os.geteuid(),
        gid=os.getegid(),
        size=listed.size,
        mtime_ns=listed.mtime_ns,
        ctime_ns=listed.mtime_ns,
        inode=int.from_bytes(identity, "big") >> 1 or 1,
    )


class ObjectContent:
    """The bytes of a version of an object; a version that is replaced meanwhile is read as it is then."""

    replayable = True

    def __init__(self, bucket: Bucket, listed: Listed, name: bytes) -> None:
        self._bucket, self.listed, self._name = bucket, listed, name

    @contextmanager
    def open(self) -> Iterator[OpenContent]:
        """Ask for the object; raises ContentVanishedError and the errors of strongroom.aws.errors."""
        with self._explained():
            body = ObjectBody(self._bucket.client, self._call, self._bucket.where(self.listed))
            try:
                yield OpenObject(body, self._entry(body.answer), self.listed.key)
            finally:
                body.close()

    @property
    def _call(self) -> AwsCall:
        return AwsCall.GET_OBJECT_VERSION if is_version(self.listed) else AwsCall.GET_OBJECT

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except _OFTEN_OF_ONE_OBJECT as error:
            problem = self._problem(error)
            if problem is None:
                raise
            raise ContentVanishedError(problem) from error

    def _problem(self, error: StrongroomError) -> Problem | None:
        """Return what an error means for this object alone; None where it is about more."""
        key, code = self.listed.key, code_of(error)
        if isinstance(error, AwsNotFoundError):
            return None if code == "NoSuchBucket" else Problem(key, ProblemKind.VANISHED, "deleted before it was read")
        if code == "InvalidObjectState":
            return Problem(key, ProblemKind.UNSUPPORTED, "archived: bring it back from Glacier first")
        # An object whose key only its writer has (SSE-C) is refused as InvalidRequest.
        if isinstance(error, AwsBusyError) or (isinstance(error, AwsRefusedError) and code != "InvalidRequest"):
            return None
        self._bucket.denied.append(error)
        return Problem(key, ProblemKind.UNREADABLE, error.what)

    def _entry(self, answer: dict[str, Any]) -> Entry:
        at = answer["LastModified"]
        now = Listed(
            self.listed.path,
            self.listed.key,
            self.listed.version_id,
            str(answer.get("ETag", "")).strip('"'),
            int(answer["ContentLength"]),
            int(at.timestamp()) * 1_000_000_000,
            self.listed.is_latest,
        )
        entry = entry_of(now, self._name)
        entry.xattrs = as_attributes(facts_of(self.listed.key, answer, self._tags(answer)))
        self._bucket.read += 1
        return entry

    def _tags(self, answer: dict[str, Any]) -> dict[str, str]:
        if not answer.get("TagCount"):
            return {}
        versioned = self._call is AwsCall.GET_OBJECT_VERSION
        call = AwsCall.GET_OBJECT_VERSION_TAGGING if versioned else AwsCall.GET_OBJECT_TAGGING
        try:
            found = self._bucket.client.call(call, **self._bucket.where(self.listed))
        except PermissionMissingError as error:
            self._bucket.tags_denied = error.what
            return {}
        return {tag["Key"]: tag["Value"] for tag in found["TagSet"]}


class OpenObject:
    """An object being read."""

    def __init__(self, body: ObjectBody, entry: Entry, key: str) -> None:
        self.entry = entry
        self._body, self._key = body, key
        self._digest = digest_of(body.answer)
        self._changed = False

    def holes(self) -> list[tuple[int, int]]:
        """Return none."""
        return []

    def readinto(self, view: memoryview) -> int:
        """Fill view with the next bytes; 0 at the end, or where the object was replaced."""
        try:
            count = self._body.readinto(view)
        except ObjectChangedError:
            self._changed = True
            return 0
        if self._digest is not None:
            self._digest.update(view[:count])
        return count

    def settle(self) -> Problem | None:
        """Return None if what was read is what S3 holds."""
        if self._changed:
            return Problem(self._key, ProblemKind.CHANGED, "replaced while it was being read")
        if self._digest is not None and not self._digest.fits():
            return Problem(self._key, ProblemKind.CHANGED, "its bytes do not fit the checksum that S3 keeps of it")
        return None


class MarkerContent:
    """A delete marker: no bytes, and a key."""

    replayable = True

    def __init__(self, listed: Listed, name: bytes) -> None:
        self._listed, self._name = listed, name

    @contextmanager
    def open(self) -> Iterator[OpenContent]:
        """Give nothing to read."""
        entry = entry_of(self._listed, self._name)
        facts = ObjectFacts(self._listed.key, version_id=self._listed.version_id, marker=True)
        entry.xattrs = as_attributes(facts)
        yield OpenNothing(entry)


class OpenNothing:
    """Content without bytes."""

    def __init__(self, entry: Entry) -> None:
        self.entry = entry

    def holes(self) -> list[tuple[int, int]]:
        """Return none."""
        return []

    def readinto(self, view: memoryview) -> int:
        """Return that it is over."""
        return 0 * len(view)

    def settle(self) -> Problem | None:
        """Return that all is well."""
        return None
