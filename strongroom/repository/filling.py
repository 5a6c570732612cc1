"""The walk's way into packs: content to the sealing pool, entries to the tree, in one pass and bounded memory."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import partial

import blake3

from strongroom.clock import Clock, RandomBytes
from strongroom.repository.appending import AppendReader
from strongroom.repository.aside import AsideReader, ReadFile
from strongroom.repository.baseline import Baseline, runs_of
from strongroom.repository.cutting import Cutting, Reading, segment_buffers
from strongroom.repository.frame import FrameKind
from strongroom.repository.head import PackRef, PackTable, TreeRun
from strongroom.repository.intake import SMALL_BYTES, Intake
from strongroom.repository.packtables import encode_table, plan_tables
from strongroom.repository.pending import PendingTree
from strongroom.repository.pipeline import SealingPool
from strongroom.repository.root import SourceKeys
from strongroom.repository.shelf import PackFiller, PackTarget, Shelf
from strongroom.repository.stopping import Halt
from strongroom.repository.treestream import TreeEncoder
from strongroom.storage.store import Evidence
from strongroom.tree.content import (
    Content,
    ContentVanishedError,
    Enter,
    HandedContent,
    HeldContent,
    Item,
    OpenContent,
    Problem,
    Status,
    Step,
    Walk,
    is_handed,
    is_held,
    is_keeping,
    is_seekable,
    is_sparing,
)
from strongroom.tree.entry import Entry

REPORT_SECONDS = 0.5
LOOK_BYTES = 256 * 1024
"""Bytes read between two looks at errors, checkpoints and the time; a step counts as some of them as well."""

STEP_BYTES = 1024
SEND_OFF = 4096
"""Steps waiting for their chunks that have the open bundle sent off, to set them free while the walk goes on."""

MAX_WAITING = 32_768
"""Steps that may wait at all."""

_READS = 2
_FILES_BETWEEN_LOOKS = 64
_STEPS_BETWEEN_LOOKS = 64
_PAUSE = 0.005


@dataclass(frozen=True, slots=True)
class WriteProgress:
    """How far a writer is: entries other than directories, content bytes read, bytes stored, and content taken over."""

    files: int
    bytes_read: int
    bytes_stored: int
    bytes_taken: int = 0


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
    tables: tuple[PackTable, ...]
    evidence: Evidence


class Filling:
    """One walk and the threads that turn it into packs."""

    def __init__(
        self,
        target: PackTarget,
        keys: SourceKeys,
        baseline: Baseline,
        *,
        clock: Clock,
        random: RandomBytes,
        on_progress: Callable[[WriteProgress], None],
    ) -> None:
        self._clock = clock
        self._on_progress = on_progress
        self._halt = Halt()
        self._id_key = keys.chunk_id
        self._baseline = baseline
        self._shelf = Shelf(
            target, fillers=target.workers + 1, halt=self._halt, random=random, first_ordinal=baseline.next_ordinal
        )
        self._checkpoints = self._shelf.checkpoints
        self._pool = SealingPool(self._shelf, baseline, self._halt, workers=target.workers)
        cutting = partial(Cutting, self._pool, segment_buffers(), keys)
        self._intake = Intake(self._pool, baseline, cutting, keys=keys, tick=self._count_bytes)
        self._aside = AsideReader(self._halt, cutting)
        self._appended = AppendReader(self._intake, keys, self._count_bytes)
        self._tree_filler = PackFiller(self._shelf, self._tick)
        self._tree: list[TreeRun] = []
        self._encoder = TreeEncoder(self._place_tree, keys.cut_seed)
        self._pending = PendingTree(self._pool.placements, self._encoder, self._checkpoints, self._note_read)
        self._problems: list[Problem] = []
        self._files = self._bytes_read = self._bytes_taken = self._source_bytes = 0
        # A reference may know the content, and what it knows of the name.
        self._takes_held = not baseline.knows_anything
        self._unlooked = self._recognised = 0
        self._is_sent_off = False
        self._reported = clock.monotonic()

    def fill(self, walk: Walk) -> Totals:
        """Take in a whole walk and wait until all of it is stored."""
        if is_sparing(walk) and self._baseline.knows_anything:
            walk.spare(self._recognise, self._baseline.expected)
        if is_keeping(walk):
            walk.keep(self._keep)
        for number, step in enumerate(walk):
            self._take(step)
            if not number % _STEPS_BETWEEN_LOOKS:
                self._free_pending()
        self._finish()
        tables = self._store_tables()
        return Totals(
            entries=self._pending.entries,
            files=self._files,
            source_bytes=self._source_bytes,
            stored_bytes=self._shelf.stored_bytes + self._baseline.adopted_bytes(self._pending.packs_used),
            reused_bytes=self._pool.reused_bytes + self._intake.reused_bytes + self._bytes_taken,
            problems=self._problems + walk.problems(),
            facts=walk.facts() | self._baseline.facts(),
            packs=self._packs(tables),
            tree=tuple(self._tree),
            tables=tables,
            evidence=self._shelf.evidence,
        )

    def close(self) -> None:
        """Stop all threads and wait for them."""
        self._halt.stop()
        self._aside.close()
        self._pool.close()
        self._shelf.close()

    def _take(self, step: Step) -> None:
        if isinstance(step, Item):
            if step.content is not None and self._takes_held and is_held(step.content):
                self._take_held(step.content)
                return
            self._take_item(step)
        else:
            if isinstance(step, Enter):
                self._baseline.enter(step.entry.name)
            else:
                self._baseline.leave()
            self._pending.add(step)
        self._work_off(STEP_BYTES)

    def _recognise(self, names: Sequence[bytes], statuses: Sequence[Status]) -> int:
        """Take files over that did not change, without making steps of them, up to the first that did."""
        known = self._baseline.find_unchanged(names, statuses)
        self._note_taken(self._pending.add_known(*known), len(known))
        self._recognised += len(known)
        if self._recognised >= _FILES_BETWEEN_LOOKS:
            self._recognised = 0
            self._tick()
            self._free_pending()
        return len(known)

    def _keep(self, name: bytes, is_wanted: Callable[[Entry], bool]) -> bool:
        """Take an entry over from a reference as it is there."""
        known = self._baseline.find_kept(name, is_wanted)
        if known is None:
            return False
        self._note_taken(self._pending.add_known(known))
        self._work_off(STEP_BYTES)
        self._free_pending()
        return True

    def _note_taken(self, length: int, files: int = 1) -> None:
        self._files += files
        self._bytes_taken += length
        self._source_bytes += length

    def _take_held(self, content: HeldContent) -> None:
        """Take in a file that lies in memory: what `_take_item` comes to, in fewer calls, as this is done for most."""
        entry, plain = content.entry, content.plain
        length = len(plain)
        self._intake.take(entry, plain)
        holes, problem = content.holes(), content.settle()
        if problem is not None:
            self._problems.append(problem)
        self._files += 1
        self._source_bytes += length
        self._bytes_read += length
        if holes:
            pieces = [(run.frame, run.offset, run.length) for run in runs_of(entry)]
            self._pending.add(ReadFile(entry, Reading(pieces, length, entry.digest), holes))
        else:
            self._pending.add_one_piece(entry)
        self._unlooked += STEP_BYTES + length
        if self._unlooked >= LOOK_BYTES:
            self._tick()

    def _take_item(self, item: Item) -> None:
        if item.content is None:
            self._files += 1
            self._pending.add(item)
            return
        known, unchanged = self._baseline.look_up(item.entry) if item.content.replayable else (None, False)
        if known is not None and unchanged and self._take_over(item, item.content, known):
            return
        if item.entry.size > SMALL_BYTES and is_handed(item.content):
            self._hand_aside(item.content)
            return
        file = self._read(item.content, known)
        if file is not None:
            self._note_read(file, None)
            self._pending.add(file)

    def _note_read(self, file: ReadFile, problem: Problem | None) -> None:
        self._files += 1
        self._source_bytes += file.reading.length
        self._bytes_taken += file.reading.taken_over
        if problem is not None:
            self._problems.append(problem)

    def _hand_aside(self, content: HandedContent) -> None:
        """Have a large file read by another thread, in its place in the tree."""
        self._baseline.expect_chunks()
        try:
            opening = content.open_aside()
        except ContentVanishedError as error:
            self._problems.append(error.problem)
            return
        self._pending.add_aside(self._aside.begin(opening, self._tick))

    def _take_over(self, item: Item, content: Content, known: Entry) -> bool:
        """Take a file's content over from a reference; only its metadata is looked at, and only if it may be new."""
        if known.ctime_ns == item.entry.ctime_ns:
            known.link_id = item.entry.link_id
            entry = known
        else:
            fresh = self._look_at(content, item.entry)
            if fresh is None:
                return False
            entry = fresh
            entry.digest, entry.extents, entry.blocks = known.digest, known.extents, known.blocks
        self._note_taken(self._pending.add_known(entry))
        return True

    def _look_at(self, content: Content, entry: Entry) -> Entry | None:
        """Return a file's entry as it is now, extended attributes included, if its content is still the same."""
        try:
            with content.open() as opened:
                now = opened.entry
        except ContentVanishedError:
            return None
        same = (now.size, now.mtime_ns, now.inode) == (entry.size, entry.mtime_ns, entry.inode)
        return now if same else None

    def _read(self, content: Content, previous: Entry | None) -> ReadFile | None:
        """Read a file, once more if it changed meanwhile and can be read again; what was read last is kept."""
        file, problem = None, None
        for _ in range(_READS if content.replayable else 1):
            try:
                file, problem = self._read_once(content, previous)
            except ContentVanishedError as error:
                file, problem = None, error.problem
                break
            if problem is None:
                return file
        if problem is not None:
            self._problems.append(problem)
        return file

    def _read_once(self, content: Content, previous: Entry | None) -> tuple[ReadFile, Problem | None]:
        with content.open() as opened:
            reading = self._read_opened(opened, previous, stream=not content.replayable)
            return ReadFile(opened.entry, reading, opened.holes()), opened.settle()

    def _read_opened(self, opened: OpenContent, previous: Entry | None, *, stream: bool) -> Reading:
        if is_seekable(opened):
            return self._appended.read(opened, self._baseline.find_earlier(opened.entry, previous))
        return self._intake.read(opened, stream=stream, previous=previous)

    def _free_pending(self) -> None:
        """Let waiting steps go; with too many of them wait until only those of the last few chunks can be left."""
        if len(self._pending) < SEND_OFF:
            return
        self._pending.drain()
        waiting = len(self._pending)
        if waiting < SEND_OFF:
            self._is_sent_off = False
            return
        if not self._is_sent_off or waiting >= MAX_WAITING:
            self._intake.flush()
            self._is_sent_off = True
        while len(self._pending) >= MAX_WAITING:
            self._tick()
            self._clock.sleep(_PAUSE)
            self._pending.drain()

    def _finish(self) -> None:
        self._intake.flush()
        self._aside.finish(self._go_on)
        self._pool.finish(self._go_on)
        self._pending.drain()
        self._encoder.finish()
        self._tree_filler.finish()
        self._shelf.wait(self._tick)
        self._report()

    def _go_on(self) -> None:
        """Look around, and encode what is complete, while others come to their end."""
        self._tick()
        self._pending.drain()

    def _place_tree(self, plain: memoryview) -> None:
        chunk_id = blake3.blake3(plain, key=self._id_key).digest()
        pack, frame = self._baseline.find_tree_frame(chunk_id) or self._tree_filler.place(
            FrameKind.TREE, chunk_id, plain
        )
        self._tree_filler.send_full()
        last = self._tree[-1] if self._tree else TreeRun(-1, 0)
        if (last.pack, last.frame + last.count) == (pack, frame):
            self._tree[-1] = TreeRun(pack, last.frame, last.count + 1)
        else:
            self._tree.append(TreeRun(pack, frame))

    def _packs(self, tables: Iterable[PackTable] = ()) -> tuple[PackRef, ...]:
        """Return every pack that the backup needs, by ordinal."""
        used = self._pending.packs_used | {run.pack for run in self._tree} | {table.pack for table in tables}
        taken = [pack for ordinal, pack in self._baseline.packs.items() if ordinal in used]
        return tuple(sorted((*taken, *self._shelf.packs()), key=lambda pack: pack.ordinal))

    def _store_tables(self) -> tuple[PackTable, ...]:
        """List packs in tables, each in a pack of its own, once all other packs are known."""
        plan = plan_tables(self._packs(), self._baseline.tables)
        new = [self._store_table(rows) for rows in plan.new]
        self._shelf.wait(self._tick)
        self._checkpoints.finish(self._tick)
        return (*plan.kept, *new)

    def _store_table(self, rows: tuple[PackRef, ...]) -> PackTable:
        plain = memoryview(encode_table(rows))
        filler = PackFiller(self._shelf, self._tick)
        pack, _ = filler.place(FrameKind.PACKS, blake3.blake3(plain, key=self._id_key).digest(), plain)
        filler.finish()
        return PackTable(pack, len(rows), rows)

    def _count_bytes(self, count: int) -> None:
        self._bytes_read += count
        # Waiting for a buffer counts as no bytes, and always looks.
        self._work_off(count or LOOK_BYTES)

    def _work_off(self, size: int) -> None:
        self._unlooked += size
        if self._unlooked >= LOOK_BYTES:
            self._tick()

    def _tick(self) -> None:
        self._unlooked = 0
        self._halt.raise_first()
        if self._checkpoints.due:
            self._checkpoints.write(self._pool.placements, self._shelf.top)
        if self._clock.monotonic() - self._reported >= REPORT_SECONDS:
            self._report()

    def _report(self) -> None:
        self._reported = self._clock.monotonic()
        self._on_progress(
            WriteProgress(
                self._files, self._bytes_read + self._aside.bytes_read, self._shelf.stored_bytes, self._bytes_taken
            )
        )
