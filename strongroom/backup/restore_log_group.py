"""Filling a log group from a backup of log groups: hour by hour, each stream in the order of time."""

from collections.abc import Callable, Iterator

import msgspec

from strongroom.aws.client import AwsClient, access_of
from strongroom.backup.browsing import paths
from strongroom.backup.restore_tree import Report, Restored
from strongroom.backup.selection import Selection, select
from strongroom.backup.targets import LogGroupTargetRequest, get_log_source
from strongroom.jobs.context import JobContext
from strongroom.repository.reader import BackupReader
from strongroom.services import Services
from strongroom.sources.cloudwatch.events import Event
from strongroom.sources.cloudwatch.names import EVENTS, group_of
from strongroom.sources.cloudwatch.source import paced
from strongroom.sources.cloudwatch.target import LogGroupTarget, lines_of
from strongroom.tree.content import Problem, ProblemKind
from strongroom.tree.entry import Entry

TOO_OLD = "events were not taken: CloudWatch Logs takes none older than 14 days or its retention; restore them as files"

_DECODER = msgspec.json.Decoder(Event)


def open_log_group(services: Services, request: LogGroupTargetRequest, check: Callable[[], None]) -> LogGroupTarget:
    """Return the group of a restore; raises UnknownSourceError, TargetKindError."""
    source = get_log_source(services.settings, request.source)
    client = AwsClient(access_of(source, source.region))
    return LogGroupTarget(client, request.group, paced(services.clock, check, source.requests_per_second))


def restore_log_group(
    services: Services,
    context: JobContext,
    reader: BackupReader,
    request: LogGroupTargetRequest,
    selection: Selection,
    report: Report,
) -> Restored:
    """Put the events of the wanted hours into the streams of a group; an attempt goes on after the last whole hour.

    With events of several groups a stream's name begins with that of its group.
    """
    target = open_log_group(services, request, context.check)
    cursor = context.cursor or {}
    target.prepare(may_hold_something=bool(cursor) or context.args["overwrite"])
    done, target.rejected = int(cursor.get("done", 0)), int(cursor.get("rejected", 0))
    context.save_cursor({"done": done, "rejected": target.rejected})
    several = len({_group(path) for path, _ in _hours(reader, selection)}) > 1
    size = 0
    for number, (path, entry) in enumerate(_hours(reader, selection), start=1):
        if number > done:
            for line in lines_of(reader.stream(entry)):
                event = _DECODER.decode(line)
                own = f"{_group(path).lstrip('/')}/{event.stream}" if several else event.stream
                target.put(request.stream or own, event)
            target.flush()
            context.save_cursor({"done": number, "rejected": target.rejected})
        size += entry.size
        report(size, number)
        done = max(done, number)
    return Restored(done, size, _problems(target.rejected))


def _hours(reader: BackupReader, selection: Selection) -> Iterator[tuple[bytes, Entry]]:
    for path, entry in select(paths(reader), selection):
        if entry.name.endswith(EVENTS):
            yield path, entry


def _group(path: bytes) -> str:
    return group_of(path.partition(b"/")[0])


def _problems(rejected: int) -> tuple[Problem, ...]:
    return (Problem("", ProblemKind.UNSUPPORTED, f"{rejected} {TOO_OLD}"),) if rejected else ()
