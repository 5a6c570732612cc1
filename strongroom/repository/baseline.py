"""What a new backup takes over instead of reading or storing it again."""

from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import takewhile
from uuid import UUID

from strongroom.errors import StrongroomError
from strongroom.repository.checkpoint import Predecessor
from strongroom.repository.head import PackRef, PackTable
from strongroom.repository.instep import TreeFollower
from strongroom.repository.packindex import ChunkIndex
from strongroom.repository.placements import Place
from strongroom.repository.reference import Reference, TreeFrames
from strongroom.storage.store import Store
from strongroom.tree.content import Item, Status, Step
from strongroom.tree.entry import Entry, EntryType, Run

RACY = timedelta(seconds=60)
"""A file that changed this shortly before the reference's walk began may have changed once more after it was read, and
kept its time stamps: within one tick of its file system's clock (two seconds at most), or through a mapping. A write
through a mapping moves them only where it dirties a page; the kernel cleans pages after 30 seconds, looking every 5."""

NEW_FILES_WORTH_A_LOOK = 64
MAX_CONTENTS = 200_000
"""Small files of a reference that are remembered to recognise moved ones; bounds the memory they take to some 40 MB."""

_NEVER = 1 << 64
"""Later than any time of a file, in nanoseconds."""

MAX_INODES = 100_000
MAX_INODE_RUNS = 200_000
"""Files of a reference that are remembered by inode, and how many runs they may have together: some 60 MB."""


@dataclass(frozen=True, slots=True)
class Trust:
    """When a file counts as unchanged: always if its size, times and inode are the same as before.

    With `ignore_ctime` its change time may differ, so that new owners, modes or links do not have it read again; then
    nothing notices a program that changes a file and puts its modification time back. With `force_read` no file does.
    """

    ignore_ctime: bool = False
    force_read: bool = False


class Baseline:
    """The references of one writer, followed in step with its walk; newest first, without any it is a full backup.

    References that stand upon one another agree on what a pack ordinal means. One that disagrees with a newer one is
    left out, and one that cannot be read to its end is followed as far as it goes; `warnings` says so.
    """

    def __init__(
        self,
        store: Store,
        repo_id: UUID,
        references: Sequence[Reference] = (),
        *,
        trust: Trust | None = None,
        warnings: Sequence[str] = (),
    ) -> None:
        self._repo_id = repo_id
        self._trust = trust or Trust()
        self.warnings = list(warnings)
        self.packs: dict[int, PackRef] = {}
        self._references = [reference for reference in references if self._agrees(reference)]
        self.next_ordinal = 1 + max((reference.top for reference in self._references), default=-1)
        self._tree_frames: TreeFrames = {}
        self._trees = [
            (TreeFollower(self._steps(reference)), _nanoseconds(reference.started - RACY))
            for reference in self._references
        ]
        self._steady = self._trees[0] if len(self._trees) == 1 and not self._trust.force_read else None
        self._chunks = ChunkIndex(store, self.packs.values())
        self._contents: dict[bytes, tuple[Run, ...]] | None = None
        self._new_files = 0
        self._inodes: dict[int, Entry] | None = None

    @property
    def tables(self) -> tuple[PackTable, ...]:
        """Return the tables of packs that a manifest may take over."""
        return tuple(table for reference in self._references for table in reference.tables if table.pack in self.packs)

    @property
    def upon(self) -> tuple[Predecessor, ...]:
        """Return the earlier sessions of the same backup among the references."""
        return tuple(reference.origin for reference in self._references if reference.origin is not None)

    @property
    def knows_anything(self) -> bool:
        """Whether there is a reference at all."""
        return bool(self._references)

    @property
    def expected(self) -> int:
        """Return how many entries `find_unchanged` can tell of."""
        return 0 if self._steady is None else self._references[0].entries

    def adopted_bytes(self, ordinals: Set[int]) -> int:
        """Return the size of those packs that earlier sessions of the same backup stored."""
        origins = {one.session for one in self.upon}
        return sum(pack.size for pack in self.packs.values() if pack.ordinal in ordinals and pack.session in origins)

    def enter(self, name: bytes) -> None:
        """Follow the walk into a directory."""
        for follower, _ in self._trees:
            follower.enter(name)

    def leave(self) -> None:
        """Follow the walk out of a directory."""
        for follower, _ in self._trees:
            follower.leave()

    def look_up(self, entry: Entry) -> tuple[Entry | None, bool]:
        """Return what a reference knows of a file of this name, and whether the file is unchanged since."""
        known = None
        for follower, safe_before in self._trees:
            found = follower.find(entry.name)
            if found is None or not self._is_whole(found):
                continue
            if self._is_unchanged(found, entry, safe_before):
                return found, True
            known = known or found
        return known, False

    def find_unchanged(self, names: Sequence[bytes], statuses: Sequence[Status]) -> list[Entry]:
        """Return what is known of files with one name, up to the first of which not all that is known still holds.

        Says less than `look_up`: nothing wherever that has to look at more than one tree, or at a file.
        """
        found: list[Entry] = []
        if self._steady is None:
            return found
        follower, safe_before = self._steady
        written_before = safe_before if self._trust.ignore_ctime else _NEVER
        for name, status in zip(names, statuses, strict=True):
            old = follower.find(name)
            # Asked of every file of a source.
            if (
                old is None
                or old.ctime_ns != status.st_ctime_ns
                or old.mtime_ns != status.st_mtime_ns
                or old.size != status.st_size
                or not old.inode == status.st_ino != 0
                or old.ctime_ns >= safe_before
                or old.mtime_ns >= written_before
                or old.link_id
                or old.type is not EntryType.FILE
            ):
                break
            found.append(old)
        return found if self._are_whole(found) else list(takewhile(self._is_whole, found))

    def find_kept(self, name: bytes, is_wanted: Callable[[Entry], bool]) -> Entry | None:
        """Return what a reference knows of a name, if all of it is there and it is what is wanted.

        Whatever counts as unchanged: it is asked for what no longer exists elsewhere.
        """
        found = [follower.find(name) for follower, _ in self._trees]
        whole = (one for one in found if one is not None and not one.link_id and self._is_whole(one))
        return next((one for one in whole if is_wanted(one)), None)

    def find_earlier(self, entry: Entry, previous: Entry | None) -> Entry | None:
        """Return what a reference knows of a file by its inode, under whatever name; `previous` has the same name.

        An inode may have been given to another file since: what it holds has to be compared.
        """
        if self._trust.force_read or not entry.inode or not self._references:
            return None
        if previous is not None and previous.inode == entry.inode:
            return previous
        if self._inodes is None:
            self._inodes = self._read_inodes()
        return self._inodes.get(entry.inode)

    def find_tree_frame(self, chunk_id: bytes) -> Place | None:
        """Return where an equal frame of the tree lies, if it was passed already."""
        return self._tree_frames.get(chunk_id)

    def find_chunk(self, chunk_id: bytes) -> Place | None:
        """Return where an equal chunk lies; safe among threads."""
        return self._chunks.find(chunk_id)

    def expect_chunks(self) -> None:
        """Prepare for chunks of a large content, which may have been stored before under any name."""
        if self._references:
            self._chunks.load_all(self._repo_id)

    def find_content(self, digest: bytes) -> tuple[Run, ...] | None:
        """Return where the content of a small file lies that is new under its name, if it was known under another.

        The first few are not looked for: that takes another pass over the reference's tree.
        """
        if not self._references:
            return None
        self._new_files += 1
        if self._contents is None and self._new_files > NEW_FILES_WORTH_A_LOOK:
            self._contents = self._read_contents()
        return None if self._contents is None else self._contents.get(digest)

    def facts(self) -> dict[str, str | int]:
        """Return what a reader of the backup should know: why it stands upon less than it could have."""
        return {"parent_warning": " ".join(self.warnings)} if self.warnings else {}

    def _agrees(self, reference: Reference) -> bool:
        if any(self.packs.get(pack.ordinal, pack) != pack for pack in reference.packs):
            self.warnings.append("An earlier session stands upon another parent; what it had stored is not used.")
            return False
        self.packs.update((pack.ordinal, pack) for pack in reference.packs)
        return True

    def _is_whole(self, entry: Entry) -> bool:
        # A loop, since this is asked about every file, and a generator costs more than its one extent.
        for extent in entry.extents:
            if isinstance(extent, Run) and extent.pack not in self.packs:
                break
        else:
            return bool(entry.digest)
        return False

    def _are_whole(self, entries: Sequence[Entry]) -> bool:
        packs = {extent.pack for entry in entries for extent in entry.extents if isinstance(extent, Run)}
        return packs <= self.packs.keys() and b"" not in [entry.digest for entry in entries]

    def _is_unchanged(self, old: Entry, new: Entry, safe_before: int) -> bool:
        if self._trust.force_read or old.type is not EntryType.FILE or not new.inode:
            return False
        if (old.size, old.mtime_ns, old.inode) != (new.size, new.mtime_ns, new.inode):
            return False
        if self._trust.ignore_ctime:
            return new.mtime_ns < safe_before
        return old.ctime_ns == new.ctime_ns < safe_before

    def _steps(self, reference: Reference) -> Iterator[Step]:
        """Yield a reference's steps; where it cannot be read on, the rest of the source is read instead."""
        try:
            yield from reference.walk(self._tree_frames)
        except StrongroomError as error:
            self.warnings.append(f"The parent's tree could not be read to its end ({error.code}).")

    def _read_contents(self) -> dict[bytes, tuple[Run, ...]]:
        contents: dict[bytes, tuple[Run, ...]] = {}
        for reference in self._references:
            for step in self._steps(reference):
                if isinstance(step, Item) and len(step.entry.extents) == 1 and self._is_whole(step.entry):
                    contents.setdefault(step.entry.digest, tuple(runs_of(step.entry)))
                if len(contents) >= MAX_CONTENTS:
                    return contents
        return contents

    def _read_inodes(self) -> dict[int, Entry]:
        inodes: dict[int, Entry] = {}
        runs = 0
        for reference in self._references:
            for step in self._steps(reference):
                if isinstance(step, Item) and step.entry.type is EntryType.FILE and self._is_whole(step.entry):
                    inodes.setdefault(step.entry.inode, step.entry)
                    runs += len(step.entry.extents)
                if len(inodes) >= MAX_INODES or runs >= MAX_INODE_RUNS:
                    return inodes
        return inodes


def runs_of(entry: Entry) -> list[Run]:
    """Return where an entry's data lies, in content order."""
    return [extent for extent in entry.extents if isinstance(extent, Run)]


def _nanoseconds(moment: datetime) -> int:
    return int(moment.timestamp()) * 1_000_000_000 + moment.microsecond * 1000
