"""One pass over rows: read, convert and write, so that the database writes while the next rows are converted."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from strongroom.rotation.access import Changes, Row, TableAccess
from strongroom.rotation.converting import BatchConverter, BrokenRow, Converted
from strongroom.rotation.pace import Brake
from strongroom.rotation.target import Key
from strongroom.rotation.writing import Written, finish_changes

Read = Callable[[Sequence[Any] | None, int], list[Row]]
"""Returns rows after a key, in key order, up to a number."""


@dataclass(slots=True)
class Block:
    """Rows that are written together, and what is recorded once they are."""

    last: Key = ()
    rows: int = 0
    changes: Changes = field(default_factory=Changes)
    current: int = 0
    broken: list[BrokenRow] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)

    def add(self, rows: Sequence[Row], converted: Converted) -> None:
        """Take in a batch."""
        self.last = rows[-1][:-1]
        self.rows += len(rows)
        self.changes.add(converted.changes)
        self.current += converted.current
        self.broken += converted.broken
        self.versions += converted.versions


Settle = Callable[[Block, Written], None]
"""Records a block that is written."""


@dataclass(frozen=True, slots=True)
class TablePass:
    """The parts of a pass. One thread does it all: the database's own process works beside it."""

    access: TableAccess
    converter: BatchConverter
    brake: Brake
    settle: Settle
    dry_run: bool = False

    def run(self, read: Read, after: Sequence[Any] | None) -> None:
        """Pass over all rows that `read` gives after a key.

        Raises StatementTooSlowError, TargetUnavailableError, TargetRefusedError and what `settle` raises; what is being
        written then is finished or undone by the database.
        """
        under_way: Block | None = None
        for block in self._blocks(read, after):
            # This block was read and converted while the database wrote the one before.
            before, written = under_way, self._finished(under_way)
            self._start(block)
            under_way = block
            if before is not None:
                self.settle(before, written)
            self.brake.after(block.rows)
        if under_way is not None:
            self.settle(under_way, self._finished(under_way))

    def _blocks(self, read: Read, after: Sequence[Any] | None) -> Iterator[Block]:
        convert = self.converter.examine if self.dry_run else self.converter.convert
        block = Block()
        for piece in self._pieces(read, after):
            block.add(piece, convert(piece))
            if block.rows >= self.brake.commit_every:
                yield block
                block = Block()
        if block.rows:
            yield block

    def _pieces(self, read: Read, after: Sequence[Any] | None) -> Iterator[Sequence[Row]]:
        """Read batches, and cut those that are more than is written at a time."""
        limit = self.brake.batch_size
        while rows := read(after, limit):
            at = 0
            while at < len(rows):
                piece = rows[at : at + self.brake.commit_every]
                at += len(piece)
                yield piece
            if len(rows) < limit:
                return
            after, limit = rows[-1][:-1], self.brake.batch_size

    def _start(self, block: Block) -> None:
        if len(block.changes) and not self.dry_run:
            self.access.start(block.changes)

    def _finished(self, block: Block | None) -> Written:
        if block is None or not len(block.changes):
            return Written()
        if self.dry_run:
            return Written(processed=len(block.changes))
        return finish_changes(self.access, block.changes)
