"""The walk's way into packs: content to the sealing pool, entries to the tree, in one pass and bounded memory."""

from collections.abc import Callable
from dataclasses import dataclass, field

import blake3

from strongroom.clock import Clock, RandomBytes
from strongroom.repository.frame import FrameKind
from strongroom.repository.head import PackRef, TreeRun
from strongroom.repository.intake import Intake, Reading
from strongroom.repository.pending import PendingTree, ReadFile
from strongroom.repository.pipeline import SealingPool
from strongroom.repository.root import SourceKeys
from strongroom.repository.shelf import PackFiller, PackTarget, Shelf
from strongroom.repository.stopping import Halt
from strongroom.repository.treestream import TreeEncoder
from strongroom.storage.store import Evidence
from strongroom.tree.content import Content, ContentVanishedError, Item, Problem, Step, Walk

REPORT_SECONDS = 0.5
MAX_WAITING = 8192
"""Steps that may wait for their chunks; beyond it the open bundle is sent off to set them free."""

_READS = 2
_PAUSE = 0.005


@dataclass(frozen=True, slots=True)
class WriteProgress:
    """How far a writer is: entries other than directories, content bytes read, and bytes stored."""

    files: int
    bytes_read: int
    bytes_stored: int


@dataclass(frozen=True, slots=True)
class Totals:
    """What a finished walk came to."""

    entries: int
    files: int
    source_bytes: int
    stored_bytes: int
    reused_bytes: int
    problems: list[Problem]
    facts: dict[str, str | int]
    packs: tuple[PackRef, ...] = field(repr=False)
    tree: tuple[TreeRun, ...]
    evidence: Evidence


class Filling:
    """One walk and the threads that turn it into packs."""

    def __init__(
        self,
        target: PackTarget,
        keys: SourceKeys,
        *,
        workers: int,
        clock: Clock,
        random: RandomBytes,
        on_progress: Callable[[WriteProgress], None],
    ) -> None:
        self._clock = clock
        self._on_progress = on_progress
        self._halt = Halt()
        self._id_key = keys.chunk_id
        self._shelf = Shelf(target, fillers=workers + 1, halt=self._halt, random=random)
        self._pool = SealingPool(self._shelf, self._halt, workers=workers)
        self._intake = Intake(self._pool, content_key=keys.content, cut_seed=keys.cut_seed, tick=self._count_bytes)
        self._tree_filler = PackFiller(self._shelf, self._tick)
        self._tree: list[TreeRun] = []
        self._encoder = TreeEncoder(self._place_tree, keys.cut_seed)
        self._pending = PendingTree(self._pool.placements, self._encoder)
        self._problems: list[Problem] = []
        self._files = self._bytes_read = self._source_bytes = 0
        self._reported = clock.monotonic()

    def fill(self, walk: Walk) -> Totals:
        """Take in a whole walk and wait until all of it is stored."""
        for step in walk:
            self._take(step)
            if len(self._pending) >= MAX_WAITING:
                self._free_pending()
        self._finish()
        return Totals(
            entries=self._pending.entries,
            files=self._files,
            source_bytes=self._source_bytes,
            stored_bytes=self._shelf.stored_bytes,
            reused_bytes=self._pool.reused_bytes + self._intake.reused_bytes,
            problems=self._problems + walk.problems(),
            facts=walk.facts(),
            packs=self._shelf.packs(),
            tree=tuple(self._tree),
            evidence=self._shelf.evidence,
        )

    def close(self) -> None:
        """Stop all threads and wait for them."""
        self._halt.stop()
        self._pool.close()
        self._shelf.close()

    def _take(self, step: Step) -> None:
        if isinstance(step, Item):
            self._take_item(step)
        else:
            self._pending.add(step)
        self._tick()

    def _take_item(self, item: Item) -> None:
        if item.content is None:
            self._files += 1
            self._pending.add(item)
            return
        file = self._read(item.content)
        if file is not None:
            self._files += 1
            self._source_bytes += file.reading.length
            self._pending.add(file)

    def _read(self, content: Content) -> ReadFile | None:
        """Read a file, once more if it changed meanwhile and can be read again; what was read last is kept."""
        file, problem = None, None
        for _ in range(_READS if content.replayable else 1):
            try:
                file, problem = self._read_once(content)
            except ContentVanishedError as error:
                file, problem = None, error.problem
                break
            if problem is None:
                return file
        if problem is not None:
            self._problems.append(problem)
        return file

    def _read_once(self, content: Content) -> tuple[ReadFile, Problem | None]:
        with content.open() as opened:
            reading: Reading = self._intake.read(opened, stream=not content.replayable)
            return ReadFile(opened.entry, reading, opened.holes()), opened.settle()

    def _free_pending(self) -> None:
        """Let waiting steps go; only those of the last few chunks can still be waiting afterwards."""
        self._pending.drain()
        if len(self._pending) < MAX_WAITING:
            return
        self._intake.flush()
        while len(self._pending) >= MAX_WAITING:
            self._tick()
            self._clock.sleep(_PAUSE)
            self._pending.drain()

    def _finish(self) -> None:
        self._intake.flush()
        self._pool.finish(self._tick)
        self._pending.drain()
        self._encoder.finish()
        self._tree_filler.finish()
        self._shelf.wait(self._tick)
        self._report()

    def _place_tree(self, plain: memoryview) -> None:
        chunk_id = blake3.blake3(plain, key=self._id_key).digest()
        pack, frame = self._tree_filler.place(FrameKind.TREE, chunk_id, plain)
        self._tree.append(TreeRun(pack, frame))

    def _count_bytes(self, count: int) -> None:
        self._bytes_read += count
        self._tick()

    def _tick(self) -> None:
        self._halt.raise_first()
        if self._clock.monotonic() - self._reported >= REPORT_SECONDS:
            self._report()

    def _report(self) -> None:
        self._reported = self._clock.monotonic()
        self._on_progress(WriteProgress(self._files, self._bytes_read, self._shelf.stored_bytes))
