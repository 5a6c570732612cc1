"""Steps of the walk that wait until their chunks have a place; they leave in the order they came."""

from collections import deque
from collections.abc import Callable, Sequence

from strongroom.repository.aside import FileAside, ReadFile
from strongroom.repository.checkpoint import UNPLACED
from strongroom.repository.checkpointing import Checkpoints
from strongroom.repository.cutting import Piece
from strongroom.repository.extents import lay_out, total_length
from strongroom.repository.placements import Placements
from strongroom.repository.treestream import TreeEncoder
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
        self._queue: deque[Step | ReadFile | FileAside | Entry] = deque()
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

    def add_aside(self, file: FileAside) -> None:
        """Take a file that is being read. No checkpoint lists it, as the walk is elsewhere once its chunks are known.

        A later session finds these chunks all the same, by what is in them.
        """
        self._queue.append(file)

    def add_known(self, entry: Entry) -> int:
        """Take a file that was taken over as it is, and return how many bytes of data it has."""
        length = 0
        for extent in entry.extents:
            if isinstance(extent, Run):
                length += extent.length
                self.packs_used.add(extent.pack)
        if self._queue:
            self._queue.append(entry)
        else:
            self.entries += 1
            self._encoder.item(entry)
        return length

    def drain(self) -> None:
        """Encode every step that is complete, up to the first that is not."""
        while self._queue:
            step = self._queue[0]
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

    def _place(self, file: ReadFile) -> bool:
        """Give an entry its extents, size and digest, if all its chunks have their place by now."""
        entry, reading = file.entry, file.reading
        if len(reading.pieces) == 1 and not file.holes and not reading.runs:
            # Nearly all files of a first backup, with fewer calls.
            chunk, offset, length = reading.pieces[0]
            place = self._placements.find(chunk)
            if place is None:
                return False
            self.packs_used.add(place[0])
            entry.extents, entry.size = [Run(place[0], place[1], offset, length)], length
        else:
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
