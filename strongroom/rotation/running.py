"""The job that works on one range of a re-encryption, and the one that searches for what the ranges left."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.jobs import Job
from strongroom.catalog.reencryption import RangePhase, ReencryptionJob, ReencryptionRange
from strongroom.columns.cipher import ColumnCipher
from strongroom.columns.place import Binding, row_id
from strongroom.jobs.context import JobContext
from strongroom.jobs.key_reporting import holding_ring
from strongroom.jobs.wishes import wish_cancelled, wish_paused
from strongroom.rotation.access import TableAccess
from strongroom.rotation.converting import BatchConverter
from strongroom.rotation.errors import RowsKeepComingError
from strongroom.rotation.finishing import enqueue_closing, finish, is_last_of_its_phase
from strongroom.rotation.opening import opened_table
from strongroom.rotation.pace import Brake, Pace
from strongroom.rotation.passing import Block, TablePass
from strongroom.rotation.recording import RangeRecord, Recorder, as_result
from strongroom.rotation.status import describe_reencryption
from strongroom.rotation.target import CurrentTokens, KeyValue, Target
from strongroom.rotation.vacuuming import VacuumPacer
from strongroom.rotation.writing import Written
from strongroom.services import Services

MOST_PASSES = 10


@dataclass(frozen=True, slots=True)
class Assignment:
    """What a job of the ledger was asked to do, as the catalog says it now."""

    target: Target
    pace: Pace
    dry_run: bool
    total_rows: int
    replaced: int
    """Rows that all ranges together had replaced when this attempt began."""
    lower: list[KeyValue] | None
    upper: list[KeyValue] | None
    record: RangeRecord


@dataclass(frozen=True, slots=True)
class Workbench:
    """What a range is worked on with: the open table, the version that is written, and one pass after another."""

    table: TableAccess
    version: str
    one_pass: TablePass
    recorder: Recorder


def run_range(services: Services, context: JobContext) -> dict[str, Any]:
    """Work on the range a job names from where an earlier attempt came, and settle what follows from its end.

    Raises TargetUnavailableError, TargetRefusedError, StatementTooSlowError, TooManyBrokenError, RowsKeepComingError
    and what loading the ring raises.
    """
    assignment = _read(services, context)
    with _opened(services, context, assignment) as bench:
        if assignment.record.phase is RangePhase.KEYSET:
            after = assignment.record.cursor or assignment.lower
            bench.one_pass.run(lambda last, limit: bench.table.read(last, assignment.upper, limit), after)
            versions = None
        else:
            versions = _close(assignment, bench)
        bench.recorder.flush()
    ended = partial(_end, services, context, assignment, bench.version, versions)
    return context.step("ended", ended) or {}


def _read(services: Services, context: JobContext) -> Assignment:
    number, part_number = context.args["reencryption"], context.args["range"]
    with services.catalog.read() as session:
        job = session.get_one(ReencryptionJob, number)
        part = session.get_one(ReencryptionRange, (number, part_number))
        return Assignment(
            Target.of(job.target),
            Pace.of(job.pace),
            job.dry_run,
            job.total_rows,
            describe_reencryption(session, job).processed,
            part.lower,
            part.upper,
            RangeRecord.of(job, part),
        )


@contextmanager
def _opened(services: Services, context: JobContext, assignment: Assignment) -> Iterator[Workbench]:
    target, pace = assignment.target, assignment.pace
    ringed = holding_ring(services.catalog, services.open_ring)
    with ringed as ring, opened_table(services.settings, target) as table:
        recorder = Recorder(context, services.clock, assignment.record, table.make_durable)
        cipher = ColumnCipher(ring, target.column_place, format=target.token_format, binding=target.binding)
        converter = BatchConverter(cipher, row_id if target.binding is Binding.ROW else None, target.length)
        brake = Brake(pace, services.clock, table.measure_strain, context.check)
        share = assignment.total_rows * pace.vacuum_percent // 100 // pace.parallel
        pacer = VacuumPacer(
            lambda: table.vacuum(gently=brake.yielding), 0 if assignment.dry_run else share, assignment.replaced
        )

        def settle(block: Block, written: Written) -> None:
            recorder.settle(block, written)
            pacer.after(written.processed)

        one_pass = TablePass(table, converter, brake, settle, dry_run=assignment.dry_run)
        yield Workbench(table, ring.active, one_pass, recorder)


def _close(assignment: Assignment, bench: Workbench) -> dict[str, int]:
    """Convert what escaped the ranges until only rows that do not open are left, and return the census.

    A row escapes when its key changes, when it was locked, or when a process that has not loaded the ring writes it.
    Raises RowsKeepComingError.
    """
    current = CurrentTokens.of(bench.version, assignment.target.token_format)
    record = assignment.record
    for _ in range(MOST_PASSES):
        before = record.processed + record.changed
        record.broken = 0
        census = bench.table.count_versions(current)
        if census.left:
            bench.one_pass.run(lambda last, limit: bench.table.read_left(last, current, limit), None)
        if record.processed + record.changed == before:
            return census.versions
    raise RowsKeepComingError(
        f"After {MOST_PASSES} passes rows of {record.place} are still written under an earlier version.",
        next_step="Find the process that has not loaded the ring: `strongroom secrets list`. It is tried again.",
    )


def _end(
    services: Services,
    context: JobContext,
    assignment: Assignment,
    version: str,
    versions: dict[str, int] | None,
    session: Session,
) -> dict[str, Any]:
    """Mark the range as done; the last one asks for the search, and the search, or a dry run, ends the whole."""
    record = assignment.record
    record.write(session, None)
    job = session.get_one(ReencryptionJob, record.job_id, with_for_update=True)
    session.get_one(ReencryptionRange, (record.job_id, record.number)).done = True
    session.flush()
    if record.phase is RangePhase.CLOSING or (assignment.dry_run and is_last_of_its_phase(session, job.id)):
        finish(session, job, version, versions)
    elif is_last_of_its_phase(session, job.id):
        closing = enqueue_closing(session, services, job)
        # What was wished of this job when it was done already is wished of the whole.
        mine = session.get_one(Job, context.job_id)
        if mine.cancel_requested:
            wish_cancelled(session, closing.id)
        elif mine.pause_requested:
            wish_paused(session, closing.id)
    return as_result(record)
