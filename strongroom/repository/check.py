"""Checking a backup's data: every pack fetched, every frame opened, every chunk id, the tree, and every run of it."""

from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import blake3

from strongroom.errors import IntegrityError, StrongroomError
from strongroom.repository.access import Repository
from strongroom.repository.ahead import ahead
from strongroom.repository.errors import TamperedError, UnknownVersionError
from strongroom.repository.extents import runs_at
from strongroom.repository.frame import FrameKind
from strongroom.repository.head import PackRef
from strongroom.repository.layout import manifest_key, pack_key
from strongroom.repository.pack import OpenPack
from strongroom.repository.packcache import fetch_pack
from strongroom.repository.reader import BackupReader
from strongroom.storage.store import Store
from strongroom.tree.content import Leave
from strongroom.tree.entry import Entry

_NO_DATA = -1


@dataclass(frozen=True, slots=True)
class Damage:
    """One object that is missing or wrong, the code of what is wrong with it, and that in words."""

    key: str
    code: str
    message: str


@dataclass(slots=True)
class DataReport:
    """What a check has seen: objects and bytes read, entries of the tree, and the damage."""

    objects: int = 0
    bytes: int = 0
    entries: int = 0
    damage: list[Damage] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Say whether everything was as it should be."""
        return not self.damage


def check_data(reader: BackupReader, *, on_progress: Callable[[int, int], None]) -> DataReport:
    """Read and open every byte of a backup; damage is reported, not raised.

    `on_progress` gets (done, total) bytes after each pack and may raise. What a region that does not answer raises
    comes out.
    """
    return _DataCheck(reader, on_progress).run()


def check_pack(repository: Repository, store: Store, ref: PackRef, id_key: bytes) -> "array[int] | StrongroomError":
    """Fetch a pack, decrypt every frame and compare its chunk id, made with the source's key.

    Returns the length of each DATA frame (-1 for others), or what is wrong with the pack.
    """
    try:
        pack = fetch_pack(store, repository.repo_id, ref)
        return array("q", _frame_lengths(pack, id_key))
    except (IntegrityError, UnknownVersionError) as error:
        return error


def _frame_lengths(pack: OpenPack, id_key: bytes) -> Iterator[int]:
    for number, row in enumerate(pack.rows):
        if blake3.blake3(pack.read(number), key=id_key).digest() != row.chunk_id:
            raise TamperedError(f"Frame {number} does not have the chunk id its directory gives.")
        yield row.plain_length if row.kind is FrameKind.DATA else _NO_DATA


class _DataCheck:
    def __init__(self, reader: BackupReader, on_progress: Callable[[int, int], None]) -> None:
        self._reader = reader
        self._on_progress = on_progress
        self._id_key = reader.repository.source_keys(reader.head.source).chunk_id
        self._report = DataReport()
        self._lengths: dict[int, array[int]] = {}

    def run(self) -> DataReport:
        total = sum(pack.size for pack in self._reader.head.packs)
        checked = ahead(
            self._check_pack, self._reader.head.packs, threads=self._reader.threads, window=self._reader.threads + 1
        )
        for pack, outcome in checked:
            self._take(pack, outcome)
            self._on_progress(self._report.bytes, total)
        if self._report.passed:
            self._check_tree()
        return self._report

    def _take(self, pack: PackRef, outcome: "array[int] | StrongroomError") -> None:
        self._report.objects += 1
        self._report.bytes += pack.size
        if isinstance(outcome, StrongroomError):
            self._blame(pack_key(pack.session_id, pack.sha256), outcome)
        else:
            self._lengths[pack.ordinal] = outcome

    def _check_pack(self, ref: PackRef) -> "array[int] | StrongroomError":
        return check_pack(self._reader.repository, self._reader.store, ref, self._id_key)

    def _check_tree(self) -> None:
        head = self._reader.head
        try:
            for step in self._reader.walk():
                if not isinstance(step, Leave):
                    self._check_entry(step.entry)
        except (IntegrityError, UnknownVersionError) as error:
            self._blame(manifest_key(head.source, head.backup_id, head.session_id), error)

    def _check_entry(self, entry: Entry) -> None:
        self._report.entries += 1
        for _, run in runs_at(entry.extents):
            lengths = self._lengths.get(run.pack, array("q"))
            if not (0 <= run.frame < len(lengths) and 0 <= run.offset <= run.offset + run.length <= lengths[run.frame]):
                raise TamperedError("An entry of the tree refers to bytes that no data frame holds.")

    def _blame(self, key: str, error: StrongroomError) -> None:
        self._report.damage.append(Damage(key, error.code, error.what))
