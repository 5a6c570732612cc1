"""Filling databases from a backup of a PostgreSQL server: each dump into pg_restore, one after the other."""

import re
from collections.abc import Generator, Iterator, Mapping
from dataclasses import dataclass

from strongroom.backup.browsing import paths
from strongroom.backup.database_wish import DatabaseWish, target_names
from strongroom.backup.restore_tree import Report, Restored
from strongroom.backup.targets import PostgresTargetRequest, get_postgres_server
from strongroom.jobs.context import JobContext
from strongroom.repository.errors import TamperedError
from strongroom.repository.reader import BackupReader
from strongroom.services import Services
from strongroom.sources.postgres.holding import held_databases
from strongroom.sources.postgres.stored import StoredDump, StoredFile
from strongroom.sources.postgres.target import PostgresTarget, RestoreOptions
from strongroom.tree.content import Problem
from strongroom.tree.entry import Entry, EntryType

_MAJOR = re.compile(r"\d+")


@dataclass
class Tally:
    """Counts what is read from a backup, and reports it."""

    report: Report
    done: int = 0
    databases: int = 0

    def count(self, pieces: Iterator[memoryview]) -> Generator[memoryview]:
        """Pass pieces on; those of a look at the beginning do not count."""
        before = self.done
        try:
            for data in pieces:
                yield data
                self.done += len(data)
                self.report(self.done, self.databases)
        except GeneratorExit:
            self.done = before
            raise


def restore_databases(
    services: Services, context: JobContext, reader: BackupReader, request: PostgresTargetRequest, report: Report
) -> Restored:
    """Restore the databases a job names, each as a whole or not at all; an attempt goes on after those that are done.

    Every target is checked before the first is filled.
    """
    wish = DatabaseWish.from_args(context.args.get("databases") or {})
    chosen = wish.choose(held_databases(reader.head.facts))
    names = target_names(request.dbname, chosen)
    tally = Tally(report)
    dumps = stored_dumps(reader, tally)
    done: dict[str, list[dict[str, str]]] = (context.cursor or {}).get("databases", {})
    tally.databases = len(done)
    targets = {held.name: _target(services, context, request, names[held.name], wish) for held in chosen}
    waiting = {name: target for name, target in targets.items() if name not in done}
    for name, target in waiting.items():
        target.prepare(dumps[name])
    for name, target in waiting.items():
        problems = target.restore(dumps[name], context.check)
        done = done | {name: [problem.as_json() for problem in problems]}
        context.save_cursor({"databases": done})
        tally.databases += 1
    return _restored(dumps, done)


def _target(
    services: Services, context: JobContext, request: PostgresTargetRequest, database: str, wish: DatabaseWish
) -> PostgresTarget:
    options = RestoreOptions(context.args["overwrite"], wish.jobs, wish.owners, wish.selection)
    server = get_postgres_server(services.settings, request.server)
    return PostgresTarget(server, database, services.settings.scratch_dir, options)


def _restored(dumps: Mapping[str, StoredDump], done: Mapping[str, list[dict[str, str]]]) -> Restored:
    problems = [Problem.from_json(problem) for database in done.values() for problem in database]
    return Restored(files=len(done), bytes=sum(dumps[name].size for name in done), problems=tuple(problems))


def stored_dumps(reader: BackupReader, tally: Tally) -> dict[str, StoredDump]:
    """Return the dumps that a backup holds, by database; raises TamperedError when one is not there."""
    entries = _top_entries(reader)
    match = _MAJOR.match(str(reader.head.facts.get("pg_dump_version", "0")))
    major = int(match[0]) if match else 0
    dumps = {}
    for held in held_databases(reader.head.facts):
        if held.entry not in entries:
            raise TamperedError(f"Backup {reader.head.backup_id} holds no dump of database {held.name!r}.")
        files = tuple(_stored(reader, tally, entry) for entry in entries[held.entry])
        dumps[held.name] = StoredDump(held, major, files)
    return dumps


def _top_entries(reader: BackupReader) -> dict[bytes, list[Entry]]:
    """Return the files of each entry at the top: itself, or those directly in it."""
    found: dict[bytes, list[Entry]] = {}
    for path, entry in paths(reader):
        if entry.type is not EntryType.DIRECTORY:
            found.setdefault(path.split(b"/")[0], []).append(entry)
    return found


def _stored(reader: BackupReader, tally: Tally, entry: Entry) -> StoredFile:
    return StoredFile(entry.name.decode(), entry.size, lambda: tally.count(reader.stream(entry)))
