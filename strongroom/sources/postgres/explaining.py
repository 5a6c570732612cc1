"""What a failed pg_dump or pg_dumpall means, and what to do about it."""

import re

from strongroom.errors import StrongroomError
from strongroom.settings.postgres import PostgresSourceSettings
from strongroom.sources.errors import (
    DatabaseNotFoundError,
    DumpDeniedError,
    DumpSelectionError,
    LockTimeoutError,
    ProducerFailedError,
    ScratchFullError,
)
from strongroom.sources.postgres.connection import connect, connection_error, hide_password

_NOTHING_FITS = re.compile(r"no matching \w+(?: \w+)* were found|improper (?:qualified|relation) name|cross-database")
# pg_dump waits for its locks under statement_timeout, and has none otherwise.
_LOCKED = re.compile(r"due to (?:statement|lock) timeout")
_REFUSED = re.compile(
    r'FATAL: +(?:permission denied for database|database ".*" does not exist|no pg_hba|role|password)'
)


def explain_dump(settings: PostgresSourceSettings, database: str, status: int, complaints: str) -> StrongroomError:
    """Return the error that fits the last words of a pg_dump that failed; asks the server where they do not tell."""
    words = hide_password(settings, complaints)
    what = f"pg_dump of database {database!r} ended with status {status}: {words.rstrip('.')}."
    if _REFUSED.search(words):
        return connection_error(settings, database, words)
    if "permission denied" in words:
        return DumpDeniedError(
            what,
            next_step=f"Grant pg_read_all_data to {settings.user!r}, or use the owner; large objects want the owner.",
        )
    if _NOTHING_FITS.search(words):
        return DumpSelectionError(
            what, next_step=f"Correct schemas and tables of source {settings.name}; each pattern must fit something."
        )
    if _LOCKED.search(words):
        return LockTimeoutError(
            what, next_step="Find who holds the lock (pg_locks), raise lock_timeout_seconds, or exclude the table."
        )
    if "No space left on device" in words:
        return ScratchFullError(what, next_step='Make room in data_dir, or use format = "custom", which needs none.')
    return _dropped_meanwhile(settings, database) or ProducerFailedError(
        what, next_step="Nothing was kept of this dump. Look into the server's log, then run the backup again."
    )


def explain_globals(settings: PostgresSourceSettings, status: int, complaints: str) -> StrongroomError:
    """Return the error that fits the last words of a pg_dumpall that failed."""
    words = hide_password(settings, complaints)
    what = f"pg_dumpall of the roles ended with status {status}: {words.rstrip('.')}."
    if "permission denied" in words:
        return DumpDeniedError(
            what, next_step="Grant pg_read_all_data to the role, or leave `globals` out of the source."
        )
    return ProducerFailedError(what, next_step="Look into the server's log, then run the backup again.")


def _dropped_meanwhile(settings: PostgresSourceSettings, database: str) -> StrongroomError | None:
    try:
        connect(settings, database).close()
    except DatabaseNotFoundError as error:
        return error
    except StrongroomError:
        return None
    return None
