"""What a range is recorded to have done: counts, cursor and broken rows, under the lease of its job.

The cursor is in the catalog and the rows are in the application's database, so the two commit apart: the rows first. A
process that dies between them has its rows read again, and finds them up to date; see docs/decisions.
"""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.reencryption import RangePhase, ReencryptionJob, ReencryptionRange
from strongroom.clock import Clock
from strongroom.jobs.context import JobContext
from strongroom.jobs.progress import JobProgress
from strongroom.rotation.converting import BrokenRow
from strongroom.rotation.errors import TooManyBrokenError
from strongroom.rotation.passing import Block
from strongroom.rotation.quarantine import quarantine_rows
from strongroom.rotation.target import KeyValue, shown
from strongroom.rotation.writing import Written

SECONDS_BETWEEN_RECORDS = 1.0
MOST_BROKEN = 10_000
"""Rows of one range. That many do not break one by one: the ring lacks a version, or the column is another one."""


@dataclass(slots=True)
class RangeRecord:
    """What a range has done so far, in this attempt and earlier ones."""

    place: str
    job_id: int
    number: int
    phase: RangePhase
    cursor: Sequence[KeyValue] | None
    processed: int
    skipped: int
    changed: int
    broken: int
    versions: Counter[str]
    new_broken: list[BrokenRow] = field(default_factory=list)

    @classmethod
    def of(cls, job: ReencryptionJob, part: ReencryptionRange) -> "RangeRecord":
        """Read what earlier attempts recorded."""
        counts = (part.processed, part.skipped, part.changed, part.broken)
        return cls(job.place, job.id, part.number, part.phase, part.cursor, *counts, Counter(part.versions))

    @property
    def rows(self) -> int:
        """Return the rows that were looked at."""
        return self.processed + self.skipped + self.changed + self.broken

    def add(self, block: Block, written: Written) -> None:
        """Take in a block that is written."""
        broken = [*block.broken, *written.broken]
        self.processed += written.processed
        self.skipped += block.current
        self.changed += written.changed
        self.broken += len(broken)
        self.versions += block.versions
        self.new_broken += broken
        self.cursor = shown(block.last)

    def write(self, session: Session, rows_per_second: float | None) -> None:
        """Bring the range's row to this; may be repeated."""
        part = session.get_one(ReencryptionRange, (self.job_id, self.number))
        if self.phase is RangePhase.KEYSET:
            part.cursor = None if self.cursor is None else list(self.cursor)
        part.processed, part.skipped, part.changed, part.broken = (
            self.processed,
            self.skipped,
            self.changed,
            self.broken,
        )
        part.versions, part.rows_per_second = dict(self.versions), rows_per_second
        quarantine_rows(session, self.place, self.job_id, self.new_broken)
        session.get_one(ReencryptionJob, self.job_id).updated_at = utcnow()


class Recorder:
    """Records a range about once a second, and shows its progress; `settle` is what a pass calls."""

    def __init__(
        self, context: JobContext, clock: Clock, record: RangeRecord, make_durable: Callable[[], None]
    ) -> None:
        self.record = record
        self._context, self._clock, self._make_durable = context, clock, make_durable
        self._began_at = self._recorded_at = clock.monotonic()
        self._began_with = record.rows

    def settle(self, block: Block, written: Written) -> None:
        """Take in a block; raises what ends an attempt from outside, and TooManyBrokenError."""
        self.record.add(block, written)
        self._context.check()
        if self._clock.monotonic() - self._recorded_at >= SECONDS_BETWEEN_RECORDS:
            self.flush()
        if self.record.broken > MOST_BROKEN:
            self.flush()
            raise _too_many(self.record)

    def flush(self) -> None:
        """Record what is not recorded yet, once it is there to stay; raises LeaseLost and what the database says."""
        self._recorded_at = self._clock.monotonic()
        seconds = self._recorded_at - self._began_at
        pace = (self.record.rows - self._began_with) / seconds if seconds > 0 else None
        self._make_durable()
        self._context.write(lambda session: self.record.write(session, pace))
        self.record.new_broken = []
        self._context.report(JobProgress(phase=f"re-encrypting ({self.record.phase})", rows=self.record.rows))


def as_result(record: RangeRecord) -> dict[str, Any]:
    """Return what the job of a range answers with."""
    return {
        "reencryption": record.job_id,
        "range": record.number,
        "processed": record.processed,
        "skipped": record.skipped,
        "changed": record.changed,
        "errors": record.broken,
    }


def _too_many(record: RangeRecord) -> TooManyBrokenError:
    return TooManyBrokenError(
        f"{record.broken} rows of one range of {record.place} do not open.",
        next_step="See why in the quarantine: most often the ring lacks a version, the settings call the application "
        "by another name (`app`) than it calls itself, or this is another column.",
    )
