"""Steps of the walk that wait until their chunks have a place; they leave in the order they came."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from strongroom.repository.aside import FileAside, ReadFile
from strongroom.repository.checkpoint import UNPLACED
from strongroom.repository.checkpointing import Checkpoints
from strongroom.repository.cutting import Piece
from strongroom.repository.extents import lay_out, total_length
from strongroom.repository.placements import Place, Placements
from strongroom.repository.treestream import ItemRecord, TreeEncoder
from strongroom.tree.content import Enter, Leave, Problem, Step
from strongroom.tree.entry import Entry, Extent, Run

OnRead = Callable[[ReadFile, Problem | None], None]
"""Takes a file that was read aside, and what was wrong with it, when its turn has come."""


class PendingTree:
    """A queue between the walk and the tree encoder."""

    def __init__(self, placements: Placements, encoder: TreeEncoder, checkpoints: Checkpoints, on_read: OnRead) -> None:
        self._on_read = on_read
        self._placements = placements
        self._encoder = encoder
        self._checkpoints = checkpoints
        self._queue: deque[Step | ReadFile | FileAside | Entry | ItemRecord] = deque()
        self.entries = 0
        self.packs_used: set[int] = set()

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, step: Step | ReadFile) -> None:
        """Take a step; a file that was read gets its extents, size and digest once its chunks are placed."""
        if isinstance(step, ReadFile):
            self._queue.append(step)
            entry, extents = step.entry, _unplaced(step)
            entry.digest, entry.extents, entry.size = step.reading.digest, extents, _size(step, extents)
            self._checkpoints.read(entry)
            return
        if self._queue:
            self._queue.append(step)
        else:
            self._encode(step)
        if isinstance(step, Enter):
            self._checkpoints.enter(step.entry.name)
        elif isinstance(step, Leave):
            self._checkpoints.leave()

    def add_one_piece(self, entry: Entry) -> None:
        """Take a file of one extent at most, which names its chunk by number; it has its size and digest."""
        record = ItemRecord(entry)
        self._queue.append(record)
        self._checkpoints.read_one_piece(record)

    def add_aside(self, file: FileAside) -> None:
        """Take a file that is being read. No checkpoint lists it, as the walk is elsewhere once its chunks are known.

        A later session finds these chunks all the same, by what is in them.
        """
        self._queue.append(file)

    def add_known(self, *entries: Entry) -> int:
        """Take files that were taken over as they are, and return how many bytes of data they have."""
        length, packs_used = 0, self.packs_used
        for entry in entries:
            for extent in entry.extents:
                if isinstance(extent, Run):
                    length += extent.length
                    packs_used.add(extent.pack)
        if self._queue:
            self._queue.extend(entries)
        else:
            self.entries += len(entries)
            self._encoder.items([ItemRecord(entry) for entry in entries])
        return length

    def drain(self) -> None:
        """Encode every step that is complete, up to the first that is not."""
        # While entries still name chunks by their numbers.
        self._checkpoints.settle()
        while self._queue:
            step = self._queue[0]
            if isinstance(step, ItemRecord):
                if self._drain_pieces():
                    continue
                return
            if isinstance(step, FileAside):
                if not step.outcome.done():
                    return
                self._queue[0] = step = self._read(*step.outcome.result())
            if isinstance(step, ReadFile) and not self._place(step):
                return
            self._queue.popleft()
            if isinstance(step, Entry | ReadFile):
                # Its packs are noted already: that of a file that was taken over as well.
                self.entries += 1
                self._encoder.item(step if isinstance(step, Entry) else step.entry)
            else:
                self._encode(step)

    def _drain_pieces(self) -> bool:
        """Encode the files of one piece that come next; False where the chunk of one has no place yet."""
        placed = list(self._next_pieces())
        for _ in placed:
            self._queue.popleft()
        self.entries += len(placed)
        self._encoder.items(placed)
        return not self._queue or not isinstance(self._queue[0], ItemRecord)

    def _next_pieces(self) -> Iterator[ItemRecord]:
        """Yield the files of one piece that come next, with their places, up to the first without one."""
        # Nearly all files of a first backup; many in a row lie in one chunk.
        chunk, place = UNPLACED, None
        for record in self._queue:
            if not isinstance(record, ItemRecord):
                return
            entry = record.entry
            run = entry.extents[0] if entry.extents else None
            if isinstance(run, Run):
                if run.frame != chunk:
                    chunk, place = run.frame, self._find(run.frame)
                if place is None:
                    return
                entry.extents = [Run(place[0], place[1], run.offset, run.length)]
            yield record

    def _find(self, chunk: int) -> Place | None:
        place = self._placements.find(chunk)
        if place is not None:
            self.packs_used.add(place[0])
        return place

    def _place(self, file: ReadFile) -> bool:
        """Give an entry its extents, size and digest, if all its chunks have their place by now."""
        entry, reading = file.entry, file.reading
        extents = self._extents(file)
        if extents is None:
            return False
        self.packs_used.update([extent.pack for extent in extents if isinstance(extent, Run)])
        entry.extents, entry.size = extents, _size(file, extents)
        entry.digest = reading.digest
        return True

    def _read(self, file: ReadFile, problem: Problem | None) -> ReadFile:
        self._on_read(file, problem)
        return file

    def _extents(self, file: ReadFile) -> list[Extent] | None:
        placed = self._runs(file.reading.pieces)
        if placed is None:
            return None
        runs: list[Extent] = [*file.reading.runs, *placed]
        return lay_out([*file.reading.runs, *placed], file.holes) if file.holes else runs

    def _runs(self, pieces: list[Piece]) -> Sequence[Run] | None:
        if not pieces:
            return ()
        # The last chunk is placed last, or nearly so: looking at it first spares walking a long list in vain.
        chunk, offset, length = pieces[-1]
        place = self._placements.find(chunk)
        if place is None:
            return None
        if len(pieces) == 1:
            return (Run(*place, offset, length),)
        runs = []
        for chunk, offset, length in pieces:
            place = self._placements.find(chunk)
            if place is None:
                return None
            runs.append(Run(*place, offset, length))
        return runs

    def _encode(self, step: Step) -> None:
        if isinstance(step, Leave):
            self._encoder.leave()
            return
        self.entries += 1
        if isinstance(step, Enter):
            self._encoder.enter(step.entry)
        else:
            self.packs_used.update([extent.pack for extent in step.entry.extents if isinstance(extent, Run)])
            self._encoder.item(step.entry)


def _size(file: ReadFile, extents: list[Extent]) -> int:
    return total_length(extents) if file.holes else file.reading.length


def _unplaced(file: ReadFile) -> list[Extent]:
    """Return a file's extents with the numbers of chunks that may not have a place yet."""
    runs = file.reading.runs or [Run(UNPLACED, *piece) for piece in file.reading.pieces]
    return lay_out(runs, file.holes) if file.holes else list(runs)
