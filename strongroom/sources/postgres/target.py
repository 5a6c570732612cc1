"""A database as the target of a restore, filled by pg_restore."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from strongroom.errors import StrongroomError
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.postgres.connection import Connection, connect, connect_anywhere
from strongroom.sources.postgres.database import create_schemas, server_major
from strongroom.sources.postgres.holding import HeldDatabase
from strongroom.sources.postgres.loading import Loader
from strongroom.sources.postgres.merge_run import run_merge
from strongroom.sources.postgres.merging import Merge, left_out, plan_merge
from strongroom.sources.postgres.occupancy import Occupancy, look, verify_free
from strongroom.sources.postgres.picking import NEW_DATABASE, pick
from strongroom.sources.postgres.selection import WHOLE, DumpSelection, Part
from strongroom.sources.postgres.side_database import SideDatabase, sole_restore
from strongroom.sources.postgres.stored import StoredDump
from strongroom.sources.postgres.toc import missing_schemas
from strongroom.sources.postgres.toolset import Toolset, choose_toolset
from strongroom.tree.content import Problem, ProblemKind

_TRANSACTION_TIMEOUT_SINCE = 17
_UNKNOWN_TRANSACTION_TIMEOUT = 'unrecognized configuration parameter "transaction_timeout"'


@dataclass(frozen=True, slots=True)
class RestoreOptions:
    """How a database is restored; `jobs` connections fill it, where 0 stands for as many as dumped it."""

    overwrite: bool = False
    jobs: int = 0
    owners: bool = False
    selection: DumpSelection = WHOLE

    def jobs_for(self, held: HeldDatabase) -> int:
        """Return the number of connections for one database."""
        return self.jobs or held.jobs


def _never() -> None:
    """Never stop."""


class PostgresTarget:
    """Restores a dump into a database of the server that the settings name; all of it or nothing.

    An absent database is built under another name and renamed when it is whole; so is one that may be overwritten, and
    the old one stays until then. An empty one is filled in one transaction, so that the owner and settings somebody
    gave it remain; with several jobs, which one transaction cannot have, or with a dump of chosen tables, which does
    not make their schemas, it is replaced like any other.
    `--single-transaction` is for that case only: it holds a lock on every object to the end, which a server with
    default settings has no room for from some thousand tables on.

    pg_restore 17 and newer begin with a setting that older servers do not know. That one error is forgiven, which
    pg_restore can only do outside a transaction, so that then an empty database is replaced as well.

    A part of a dump may also go into a database that holds something: see strongroom.sources.postgres.merging.

    Unless `owners` says otherwise, everything belongs to the role that restores, and nobody else has privileges: roles
    belong to a server and not to a database, so a dump holds their names only, and a missing one ends the restore.
    Tablespaces are left out for the same reason, and so is what was set on the database itself.
    """

    def __init__(self, settings: PostgresSourceSettings, database: str, scratch: Path, options: RestoreOptions) -> None:
        self._settings = settings
        self._database = database
        self._scratch = scratch
        self._options = options

    def prepare(self, dump: StoredDump) -> None:
        """Check everything that can be known before the first byte; changes nothing.

        Raises TargetNotEmptyError, ServerUnreachableError, WrongPasswordError, PgDumpNotFoundError, PgDumpTooOldError.
        """
        self._toolset(dump)
        if self._merges():
            with connect(self._settings, self._database) as connection:
                self._plan_merge(connection, dump)
            return
        if not self._options.selection.is_whole:
            pick(dump.toc(), self._options.selection, NEW_DATABASE)
        verify_free(self._settings, self._database, overwrite=self._options.overwrite)

    def restore(self, dump: StoredDump, check: Callable[[], None] = _never) -> list[Problem]:
        """Restore the dump; returns what is not as it was.

        `check` is called about every second while the server works, and may raise to stop. Raises as `prepare`, and
        RestoreFailedError, TargetConflictError, TargetNotWritableError, ScratchFullError; what reading the dump raises
        goes through.
        """
        loader = Loader(self._settings, self._toolset(dump), self._scratch, check)
        with sole_restore(self._settings, self._database):
            return self._restore(dump, loader)

    def _merges(self) -> bool:
        """Tell whether a part of a dump goes into a database that holds something already."""
        selection = self._options.selection
        if selection.is_whole or selection.part is Part.DATA:
            return not selection.is_whole
        return look(self._settings, self._database) is Occupancy.FILLED

    def _plan_merge(self, connection: Connection, dump: StoredDump) -> Merge:
        return plan_merge(connection, dump.toc(), self._options.selection, overwrite=self._options.overwrite)

    def _restore(self, dump: StoredDump, loader: Loader) -> list[Problem]:
        options = [] if self._options.owners else ["--no-owner", "--no-privileges"]
        if self._merges():
            with connect(self._settings, self._database) as connection:
                merge = self._plan_merge(connection, dump)
                if self._options.selection.part is Part.DATA:
                    # Rows come in the dump's order, and triggers have seen them before.
                    options += ["--data-only", "--disable-triggers"]
                run_merge(loader, connection, dump, merge, options)
            return list(merge.problems)
        toc = dump.toc()
        picked = None if self._options.selection.is_whole else pick(toc, self._options.selection, NEW_DATABASE)
        with loader.list_file(picked.entries if picked else None) as chosen:
            problems = self._fill(dump, loader, [*options, *chosen], missing_schemas(picked.entries if picked else toc))
        return problems + (left_out(picked) if picked else [])

    def _fill(self, dump: StoredDump, loader: Loader, options: list[str], schemas: list[str]) -> list[Problem]:
        """Fill a database that is absent, empty or to be replaced."""
        found = verify_free(self._settings, self._database, overwrite=self._options.overwrite)
        forgiving = self._forgiven_error(loader.toolset)
        jobs = self._options.jobs_for(dump.held)
        if found is Occupancy.EMPTY and not forgiving and not schemas and jobs == 1:
            loader.load(dump, self._database, [*options, "--single-transaction"])
            return []
        strictness = [] if forgiving else ["--exit-on-error"]
        with self._side_database() as side:
            has_locale = side.create(dump.held.as_fact())
            create_schemas(self._settings, side.name, schemas)
            loader.load(dump, side.name, [*options, *strictness], jobs=jobs, forgiving=forgiving)
            side.take_name(replace=found is not Occupancy.ABSENT)
        return [] if has_locale else [_other_locale(self._database, dump.held)]

    def _forgiven_error(self, toolset: Toolset) -> str:
        with connect_anywhere(self._settings, but=self._database) as connection:
            is_older = server_major(connection) < _TRANSACTION_TIMEOUT_SINCE <= toolset.major
        return _UNKNOWN_TRANSACTION_TIMEOUT if is_older else ""

    @contextmanager
    def _side_database(self) -> Iterator[SideDatabase]:
        side = SideDatabase(self._settings, self._database)
        try:
            yield side
        except BaseException:
            # If the server is gone as well, the next restore removes it; the first error is the one to tell.
            with suppress(StrongroomError):
                side.drop()
            raise

    def _toolset(self, dump: StoredDump) -> Toolset:
        """Choose a pg_restore that is no older than the pg_dump that wrote the dump."""
        return choose_toolset("pg_restore", dump.pg_dump_major, self._settings.bin_dir)


def _other_locale(database: str, held: HeldDatabase) -> Problem:
    return Problem(
        database,
        ProblemKind.METADATA,
        f"the server has no locale {held.collate} for {held.encoding}; text sorts as in locale C",
    )
