"""Filling a database from a backup: the dump, in order, into pg_restore."""

from collections.abc import Callable, Iterator

from strongroom.backup.restore_tree import Report, Restored
from strongroom.repository.errors import TamperedError
from strongroom.repository.reader import BackupReader
from strongroom.sources.postgres.source import DUMP_NAME
from strongroom.sources.postgres.target import PostgresTarget
from strongroom.tree.content import Item
from strongroom.tree.entry import Entry


def restore_database(
    reader: BackupReader, target: PostgresTarget, report: Report, check: Callable[[], None]
) -> Restored:
    """Stream the dump that a backup holds into a prepared target; bounded memory, nothing on disk."""
    dump = get_dump(reader)
    problems = target.restore(_reported(reader, dump, report), reader.head.facts, check)
    return Restored(files=1, bytes=dump.size, problems=tuple(problems))


def get_dump(reader: BackupReader) -> Entry:
    """Return the one entry of a PostgreSQL backup; raises TamperedError when it is not there."""
    for step in reader.walk():
        if isinstance(step, Item) and step.entry.name == DUMP_NAME:
            return step.entry
    raise TamperedError(f"Backup {reader.head.backup_id} holds no database dump.")


def _reported(reader: BackupReader, dump: Entry, report: Report) -> Iterator[memoryview]:
    done = 0
    for data in reader.stream(dump):
        yield data
        done += len(data)
        report(done, 1)
