"""One pass over rows: read, convert and write, so that the database writes while the next rows are converted."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from strongroom.rotation.access import Changes, Row, TableAccess
from strongroom.rotation.converting import BatchConverter, BrokenRow, Converted
from strongroom.rotation.pace import Brake, Pace
from strongroom.rotation.target import Key
from strongroom.rotation.writing import Written, write_changes

SWITCH_SECONDS = 0.0002
"""With Python's own 5 ms the thread that writes waits for the one that converts longer than for the database."""

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
    """The parts of a pass. `settle` and the brake are called from the thread that runs it."""

    access: TableAccess
    converter: BatchConverter
    pace: Pace
    brake: Brake
    settle: Settle
    dry_run: bool = False

    def run(self, read: Read, after: Sequence[Any] | None) -> None:
        """Pass over all rows that `read` gives after a key.

        Raises StatementTooSlowError, TargetUnavailableError, TargetRefusedError and what `settle` raises; what is being
        written then is finished first.
        """
        with _quick_switches(), ThreadPoolExecutor(1, "reencrypt-write") as writer:
            under_way: tuple[Block, Future[Written]] | None = None
            for block in self._blocks(read, after):
                before, under_way = under_way, None
                if before is not None:
                    before[1].result()
                under_way = (block, writer.submit(self._write, block))
                self._settle(before)
                self.brake.after(block.rows)
            self._settle(under_way)

    def _blocks(self, read: Read, after: Sequence[Any] | None) -> Iterator[Block]:
        block, rows = Block(), read(after, self.pace.batch_size)
        while rows:
            convert = self.converter.examine if self.dry_run else self.converter.convert
            block.add(rows, convert(rows))
            if block.rows >= self.pace.commit_every:
                yield block
                block = Block(last=block.last)
            rows = read(block.last, self.pace.batch_size) if len(rows) == self.pace.batch_size else []
        if block.rows:
            yield block

    def _write(self, block: Block) -> Written:
        if self.dry_run:
            return Written(processed=len(block.changes))
        return write_changes(self.access, block.changes)

    def _settle(self, done: tuple[Block, Future[Written]] | None) -> None:
        if done is not None:
            self.settle(done[0], done[1].result())


@contextmanager
def _quick_switches() -> Iterator[None]:
    usual = sys.getswitchinterval()
    sys.setswitchinterval(min(usual, SWITCH_SECONDS))
    try:
        yield
    finally:
        sys.setswitchinterval(usual)
