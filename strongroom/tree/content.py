"""What a source hands to the repository: a walk over entries, and content that can be opened and read once."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol, Self, TypeGuard

import msgspec

from strongroom.tree.entry import Entry


class ProblemKind(StrEnum):
    """Why an entry is missing from a backup or a restore, or is there only in part."""

    UNREADABLE = "unreadable"
    VANISHED = "vanished"
    CHANGED = "changed-while-read"
    METADATA = "metadata-not-restored"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Problem:
    """One entry that was not handled as it should; path is for people (undecodable bytes shown as escapes)."""

    path: str
    kind: ProblemKind
    reason: str

    def as_json(self) -> dict[str, str]:
        """Return the form that the catalog and the API show."""
        return {"path": self.path, "kind": self.kind.value, "reason": self.reason}

    @classmethod
    def from_json(cls, document: Mapping[str, str]) -> Self:
        """Read what `as_json` returned."""
        return cls(document["path"], ProblemKind(document["kind"]), document["reason"])


class ContentVanishedError(Exception):
    """The file is gone, or cannot be opened any more; the writer records the problem and goes on."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.reason)
        self.problem = problem


class OpenContent(Protocol):
    """Content being read, from its first data byte to its last; holes are skipped."""

    entry: Entry
    """The entry as the open descriptor shows it, which a rename between listing and opening cannot confuse."""

    def holes(self) -> list[tuple[int, int]]:
        """Return the (offset, length) of holes, ascending; empty where there are none."""

    def readinto(self, view: memoryview) -> int:
        """Fill view with the next data bytes (holes left out); 0 means the end. May return less than asked."""

    def settle(self) -> Problem | None:
        """After the last byte: None if what was read is consistent, else the problem (the file changed).

        A producer such as pg_dump raises here when its exit status says that the stream is not whole:
        ContentVanishedError leaves the entry out, any other error ends the backup.
        """


class SeekableContent(OpenContent, Protocol):
    """Content that is written at its end only: an earlier version of it is how it begins."""

    def seek(self, offset: int) -> None:
        """Have the next bytes read from an offset on, for content without holes."""


def is_seekable(content: OpenContent) -> TypeGuard[SeekableContent]:
    """Say whether content is of that kind; asked for every file, and a protocol check costs more than reading one."""
    return hasattr(content, "seek")


class Content(Protocol):
    """Content that can be opened, more than once if it changed while it was read and `replayable` says so."""

    replayable: bool

    def open(self) -> AbstractContextManager[OpenContent]:
        """Open for reading; raises ContentVanishedError."""


class RewindableContent(OpenContent, Protocol):
    """Content that one thread opens and another reads."""

    def rewind(self) -> None:
        """Begin at the start, in the calling thread, with content and `entry` as the open descriptor shows them now."""


class HandedContent(Content, Protocol):
    """Content that need not be read before the walk takes its next step."""

    def open_aside(self) -> AbstractContextManager[RewindableContent]:
        """Open for another thread, which is to rewind it first and to close it; raises ContentVanishedError."""


class HeldContent(Content, Protocol):
    """Content that was read already; its bytes lie in memory until the walk takes its next step."""

    entry: Entry

    @property
    def plain(self) -> memoryview:
        """All data bytes, holes left out."""

    def holes(self) -> list[tuple[int, int]]:
        """Return the (offset, length) of holes, ascending."""

    def settle(self) -> Problem | None:
        """Return None if the bytes are consistent, else the problem."""


def is_held(content: Content) -> TypeGuard[HeldContent]:
    """Say whether content is of that kind."""
    return hasattr(content, "plain")


def is_handed(content: Content) -> TypeGuard[HandedContent]:
    """Say whether content is of that kind."""
    return hasattr(content, "open_aside")


class Enter(msgspec.Struct, frozen=True, gc=False):
    """A directory begins; the root's name is empty."""

    entry: Entry


class Leave(msgspec.Struct, frozen=True, gc=False):
    """The directory that was entered last ends."""


class Item(msgspec.Struct, frozen=True, gc=False):
    """An entry that is not a directory; content is None for links, special files and further names of one file."""

    entry: Entry
    content: Content | None


Step = Enter | Leave | Item


class Walk(Protocol):
    """One pass over a source: starts with Enter of the root, ends with its Leave."""

    def __iter__(self) -> Iterator[Step]:
        """Yield the steps in tree order, names sorted as bytes within a directory."""

    def problems(self) -> list[Problem]:
        """Return what the walk itself could not list or open; complete after the last step."""

    def facts(self) -> dict[str, str | int]:
        """Return what a reader of the backup should know (server version, root path); complete after the last step."""


class Status(Protocol):
    """What the file system says about a name, as `os.stat_result` has it."""

    @property
    def st_mode(self) -> int: ...
    @property
    def st_ino(self) -> int: ...
    @property
    def st_dev(self) -> int: ...
    @property
    def st_nlink(self) -> int: ...
    @property
    def st_uid(self) -> int: ...
    @property
    def st_gid(self) -> int: ...
    @property
    def st_rdev(self) -> int: ...
    @property
    def st_size(self) -> int: ...
    @property
    def st_mtime_ns(self) -> int: ...
    @property
    def st_ctime_ns(self) -> int: ...


Recognise = Callable[[Sequence[bytes], Sequence[Status]], int]
"""Says of names that follow each other in the directory that a walk is in, and of what the file system says about each,
how many are known and need no step, up to the first that is not."""


Keep = Callable[[bytes, Callable[[Entry], bool]], bool]
"""Takes an entry of this name over from an earlier backup, if one knows it and it is wanted; says whether it did."""


class KeepingWalk(Walk, Protocol):
    """A walk over what cannot be had again: it says by name what of an earlier backup stays as it is."""

    def keep(self, keep: Keep) -> None:
        """Ask for an entry where its step would come, and leave that step out if it was taken over."""


def is_keeping(walk: Walk) -> TypeGuard[KeepingWalk]:
    """Say whether a walk is of that kind."""
    return hasattr(walk, "keep")


class SparingWalk(Walk, Protocol):
    """A walk that leaves out what is known already: most of a tree is, and a step costs more than a comparison."""

    def spare(self, recognise: Recognise, expected: int) -> None:
        """Ask about every regular file with one name, where its step would come, and leave out what is recognised.

        So many entries are expected, nearly all of which are known.
        """


def is_sparing(walk: Walk) -> TypeGuard[SparingWalk]:
    """Say whether a walk is of that kind."""
    return hasattr(walk, "spare")
