"""Why a source cannot be read or a target cannot be filled."""

from strongroom.errors import (
    ConflictError,
    ExitCode,
    IntegrityError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    StrongroomError,
    UnavailableError,
)


class SourceNotFoundError(NotFoundError):
    """The configured directory does not exist, or is not a directory."""

    code = "sources.not_found"


class SourceNotReadableError(NotAllowedError):
    """The process may not list the configured directory."""

    code = "sources.not_readable"


class EmptySourceError(InvalidInputError):
    """The configured directory is empty, which usually means that a disk is not mounted."""

    code = "sources.empty"


class NothingToReadError(InvalidInputError):
    """Backups of the source are snapshots, so that there are no bytes to read."""

    code = "sources.nothing_to_read"


class BadExcludePatternError(InvalidInputError):
    """A pattern of what to include or exclude cannot be understood."""

    code = "sources.bad_exclude_pattern"


class SourceMovedError(UnavailableError):
    """A directory was moved elsewhere while the walk was below it."""

    code = "sources.moved"


class WalkCutShortError(UnavailableError):
    """The process that walks and reads for a backup ended before it was done."""

    code = "sources.walk_cut_short"


class ProducerFailedError(StrongroomError):
    """The program that produces the data ended with an error: what it wrote is not a whole backup."""

    code = "sources.producer_failed"
    retryable = True


class DumpDeniedError(ProducerFailedError):
    """The role may not read everything in the database, so pg_dump gave up."""

    code = "sources.dump_denied"
    retryable = False
    exit_code = ExitCode.NOT_ALLOWED


class DumpSelectionError(InvalidInputError):
    """A pattern of the source's schemas or tables fits nothing in the database, or cannot be understood."""

    code = "sources.dump_selection"


class LockTimeoutError(ProducerFailedError):
    """Somebody held a lock on a table for longer than the dump may wait."""

    code = "sources.lock_timeout"


class ScratchFullError(StrongroomError):
    """The disk with the scratch files has no room for what has to be laid there; nothing was kept."""

    code = "sources.scratch_full"


class PgDumpNotFoundError(NotFoundError):
    """A PostgreSQL client program is not installed, or not where the settings say."""

    code = "sources.pg_dump_not_found"


class PgDumpTooOldError(InvalidInputError):
    """The PostgreSQL client programs are older than the server or the dump, and would refuse it."""

    code = "sources.pg_dump_too_old"


class WrongPasswordError(NotAllowedError):
    """The PostgreSQL server refused the user or the password."""

    code = "sources.wrong_password"


class DatabaseNotFoundError(NotFoundError):
    """The PostgreSQL server has no database of this name."""

    code = "sources.database_not_found"


class ServerUnreachableError(UnavailableError):
    """The PostgreSQL server did not answer, or accepts no connection now."""

    code = "sources.server_unreachable"


class UnusablePasswordError(InvalidInputError):
    """The password cannot be written to a PostgreSQL password file."""

    code = "sources.unusable_password"


class TargetNotEmptyError(ConflictError):
    """The place to restore to holds something already; nothing was changed."""

    code = "sources.target_not_empty"


class TargetConflictError(ConflictError):
    """Something is in the way inside the target, and is not removed without being told to."""

    code = "sources.target_conflict"


class UnsafePathError(IntegrityError):
    """A backup names a path that would lead out of the target."""

    code = "sources.unsafe_path"


class IncompleteRestoreError(IntegrityError):
    """The backup's data ended before every file of the target had all its bytes."""

    code = "sources.incomplete_restore"


class TargetNotWritableError(NotAllowedError):
    """The process may not write to the target."""

    code = "sources.target_not_writable"


class TargetFullError(StrongroomError):
    """The disk or quota of the target has no room left; what was restored so far is still there."""

    code = "sources.target_full"


class UnreadableDumpError(InvalidInputError):
    """A dump's table of contents is not one this version of Strongroom knows."""

    code = "sources.unreadable_dump"


class RestoreFailedError(StrongroomError):
    """The program that fills the target ended with an error; nothing half-restored was left in the database."""

    code = "sources.restore_failed"


class NoSuchLocaleError(RestoreFailedError):
    """The server does not know the encoding or locale that a database is to have."""

    code = "sources.no_such_locale"


class ScratchServerError(UnavailableError):
    """The scratch PostgreSQL server did not start."""

    code = "sources.scratch_server_not_started"


class ScratchServerMissingError(NotFoundError):
    """No PostgreSQL server programs of the wanted version are installed."""

    code = "sources.scratch_server_missing"


class ScratchServerTooOldError(InvalidInputError):
    """The PostgreSQL server programs that are installed are older than the server a backup was made of."""

    code = "sources.scratch_server_too_old"


class ScratchPlaceError(NotAllowedError):
    """The account that a scratch server runs as may not enter the directory it is to work in."""

    code = "sources.scratch_place"
