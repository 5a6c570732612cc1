"""Comparing a restored tree with what the backup says about it, byte by byte through the digests."""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import blake3

from strongroom.backup.browsing import paths
from strongroom.drills.findings import Check, CheckKind, Findings
from strongroom.repository.blocks import BlockHasher
from strongroom.repository.extents import runs_at
from strongroom.repository.reader import BackupReader
from strongroom.sources.files.capture import displayed
from strongroom.tree.entry import Entry, EntryType

_PIECE = 1 << 20
_TYPES = {EntryType.FILE: stat.S_ISREG, EntryType.DIRECTORY: stat.S_ISDIR, EntryType.SYMLINK: stat.S_ISLNK}
_MOST_NAMED = 100


class TreeComparison:
    """Walks the backup once more and looks at what stands in the directory in each entry's place."""

    def __init__(self, reader: BackupReader, root: Path, check: Callable[[], None]) -> None:
        self._reader = reader
        self._root = root
        self._check = check
        self._keys = reader.repository.source_keys(reader.head.source)
        self._links: dict[int, tuple[int, int]] = {}
        self._compared = 0
        self._wrong = 0

    def run(self, findings: Findings) -> None:
        """Note what differs, and how many files were compared."""
        with _Directories(self._root) as directories:
            for path, entry in paths(self._reader):
                self._check()
                self._note(findings, path, self._fault(directories, path, entry))
        detail = f"{self._compared} files equal to their digests" if not self._wrong else f"{self._wrong} differ"
        findings.checks.append(Check(CheckKind.DIGEST, "content", passed=not self._wrong, detail=detail))

    def _note(self, findings: Findings, path: bytes, fault: str) -> None:
        self._wrong += bool(fault)
        if fault and self._wrong <= _MOST_NAMED:
            findings.checks.append(Check(CheckKind.DIGEST, displayed(path), passed=False, detail=fault))

    def _fault(self, directories: "_Directories", path: bytes, entry: Entry) -> str:
        try:
            directory, name = directories.of(path)
            found = os.stat(name, dir_fd=directory, follow_symlinks=False)
        except OSError as error:
            if error.errno == errno.ENAMETOOLONG:
                return self._without_place(entry)
            # Only root may make devices; that they are missing is one of the restore's notes.
            return "" if entry.type not in _TYPES else f"it is not there: {error.strerror}"
        if entry.type not in _TYPES:
            return ""
        if not _TYPES[entry.type](found.st_mode):
            return "it is something else"
        if entry.type is EntryType.SYMLINK:
            return "" if os.readlink(name, dir_fd=directory) == entry.target else "it points elsewhere"
        return self._file_fault(directory, name, entry, found) if entry.type is EntryType.FILE else ""

    def _without_place(self, entry: Entry) -> str:
        """Read once more what this file system has no name for, as keys of buckets are long; raises TamperedError."""
        if entry.type is EntryType.FILE:
            for _ in self._reader.stream(entry):
                self._check()
            self._compared += 1
        return ""

    def _file_fault(self, directory: int, name: bytes, entry: Entry, found: os.stat_result) -> str:
        if entry.link_id in self._links:
            same = self._links[entry.link_id] == (found.st_dev, found.st_ino)
            return "" if same else "it is not another name of its file"
        if entry.link_id:
            self._links[entry.link_id] = (found.st_dev, found.st_ino)
        if found.st_size != entry.size:
            return f"it has {found.st_size} bytes, not {entry.size}"
        self._compared += 1
        return "" if not entry.digest or self._digest(directory, name, entry) == entry.digest else "its content differs"

    def _digest(self, directory: int, name: bytes, entry: Entry) -> bytes:
        hasher = BlockHasher(self._keys) if entry.blocks else blake3.blake3(key=self._keys.content)
        with os.fdopen(_enter(directory, name, os.O_RDONLY, 0o600), "rb", buffering=0) as file:
            for offset, run in runs_at(entry.extents):
                file.seek(offset)
                for data in _pieces(file.read, run.length):
                    hasher.update(memoryview(data))
                    self._check()
        return hasher.digest()


def _pieces(read: Callable[[int], bytes], length: int) -> Iterator[bytes]:
    while length > 0 and (data := read(min(length, _PIECE))):
        length -= len(data)
        yield data


class _Directories:
    """Keeps the directory open that was asked for last; a path may be longer than the system takes at once."""

    def __init__(self, root: Path) -> None:
        self._root = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
        self._path, self._open = b"", os.dup(self._root)

    def __enter__(self) -> "_Directories":
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self._open)
        os.close(self._root)

    def of(self, path: bytes) -> tuple[int, bytes]:
        """Return the descriptor of the directory that a path is in, and its name there; the root is `.`."""
        above, _, name = path.rpartition(b"/")
        if above != self._path:
            fresh = self._descend(above)
            os.close(self._open)
            self._path, self._open = above, fresh
        return self._open, name or b"."

    def _descend(self, path: bytes) -> int:
        at = os.dup(self._root)
        for part in path.split(b"/") if path else ():
            try:
                further = _enter(at, part, os.O_RDONLY | os.O_DIRECTORY, 0o700)
            finally:
                os.close(at)
            at = further
        return at


def _enter(directory: int, name: bytes, flags: int, mode: int) -> int:
    with suppress(PermissionError):
        return os.open(name, flags | os.O_NOFOLLOW, dir_fd=directory)
    # What was restored keeps its rights, which may leave its owner without any.
    os.chmod(name, mode, dir_fd=directory)
    return os.open(name, flags | os.O_NOFOLLOW, dir_fd=directory)
