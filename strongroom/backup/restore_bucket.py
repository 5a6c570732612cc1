"""Filling a bucket from a backup of one: older versions first, in their order, then what is current."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from strongroom.aws.client import AwsClient, access_of
from strongroom.backup.browsing import paths
from strongroom.backup.restore_tree import Report, Restored
from strongroom.backup.selection import Selection, select
from strongroom.backup.targets import BucketTargetRequest, get_bucket_access
from strongroom.jobs.context import JobContext
from strongroom.repository.reader import BackupReader
from strongroom.settings import Settings
from strongroom.sources.s3.metadata import ObjectFacts, find_facts
from strongroom.sources.s3.names import VERSIONS
from strongroom.sources.s3.target import BucketTarget
from strongroom.tree.content import Problem, ProblemKind
from strongroom.tree.entry import Entry, EntryType

OBJECTS_A_CURSOR = 20


@dataclass(slots=True)
class _Tally:
    objects: int = 0
    bytes: int = 0
    left_out: int = 0


def open_bucket(settings: Settings, request: BucketTargetRequest) -> BucketTarget:
    """Return the bucket of a restore; raises UnknownSourceError, TargetKindError."""
    access = get_bucket_access(settings, request)
    return BucketTarget(AwsClient(access_of(access, access.region)), request.bucket, request.prefix)


def restore_bucket(
    context: JobContext, reader: BackupReader, target: BucketTarget, selection: Selection, report: Report
) -> Restored:
    """Put the wanted objects into a bucket; an attempt goes on after those that an earlier one has put.

    Older versions are left out, and that is a problem, where the bucket would not keep them.
    """
    cursor = context.cursor or {}
    if not cursor and not context.args["overwrite"]:
        target.verify_empty()
    done = int(cursor.get("done", 0))
    context.save_cursor({"done": done})
    versioned = target.keeps_versions()
    tally = _Tally()
    for number, (entry, facts, is_older) in enumerate(_in_order(reader, selection), start=1):
        if is_older and not versioned:
            tally.left_out += 1
            continue
        if number > done:
            _put(reader, target, entry, facts, lambda size: report(tally.bytes + size, tally.objects))
            # A version that is put twice stays: their places are kept one by one.
            if is_older or number % OBJECTS_A_CURSOR == 0:
                context.save_cursor({"done": number})
        tally.objects += 1
        tally.bytes += entry.size
    return Restored(tally.objects, tally.bytes, _problems(tally))


def _in_order(reader: BackupReader, selection: Selection) -> Iterator[tuple[Entry, ObjectFacts, bool]]:
    """Yield the wanted objects: a version that is newer comes later, and the current one last."""
    for older in (True, False):
        for path, entry in select(paths(reader), selection):
            facts = find_facts(entry) if entry.type is EntryType.FILE else None
            if facts is not None and _is_older(path) is older:
                yield entry, facts, older


def _is_older(path: bytes) -> bool:
    return path.rpartition(b"/")[0].endswith(VERSIONS)


def _put(
    reader: BackupReader, target: BucketTarget, entry: Entry, facts: ObjectFacts, report: Callable[[int], None]
) -> None:
    if facts.marker:
        target.delete(facts)
        report(0)
        return
    target.put(facts, entry.size, _counted(reader.stream(entry), report))


def _counted(pieces: Iterator[memoryview], report: Callable[[int], None]) -> Iterator[memoryview]:
    done = 0
    for piece in pieces:
        yield piece
        done += len(piece)
        report(done)


def _problems(tally: _Tally) -> tuple[Problem, ...]:
    if not tally.left_out:
        return ()
    reason = f"{tally.left_out} older versions left out: the bucket keeps none; enable versioning, or choose another"
    return (Problem("", ProblemKind.METADATA, reason),)
