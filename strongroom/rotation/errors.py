"""What re-encryption can run into."""

from strongroom.errors import (
    CannotDecryptError,
    ConflictError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    UnavailableError,
)


class TargetUnavailableError(UnavailableError):
    """The database of the encrypted column did not answer, or the connection was cut."""

    code = "rotation.target_unavailable"


class TargetRefusedError(NotAllowedError):
    """The database refuses the login, or the right to read or change the column."""

    code = "rotation.target_refused"


class TargetDriverError(InvalidInputError):
    """The driver of the database is not installed, or its address is not one SQLAlchemy takes."""

    code = "rotation.target_driver"


class TableNotFoundError(NotFoundError):
    """The database has no such table."""

    code = "rotation.table_not_found"


class ColumnNotFoundError(NotFoundError):
    """The table, or the mapped class, has no such column."""

    code = "rotation.column_not_found"


class ColumnNotTextError(InvalidInputError):
    """The column does not hold text of variable length, so it cannot hold tokens."""

    code = "rotation.column_not_text"


class NoPrimaryKeyError(InvalidInputError):
    """The table has no primary key, so its rows cannot be told apart."""

    code = "rotation.no_primary_key"


class UnusableKeyError(InvalidInputError):
    """The named columns are not a key of the table, or their type has no exact order."""

    code = "rotation.unusable_key"


class ModelNotFoundError(InvalidInputError):
    """The model is not MODULE:CLASS of a mapped class that can be imported here."""

    code = "rotation.model_not_found"


class ColumnBusyError(ConflictError):
    """Another re-encryption of this column is open."""

    code = "rotation.column_busy"


class ReencryptionNotFoundError(NotFoundError):
    """There is no re-encryption with this number, or none to resume."""

    code = "rotation.not_found"


class ReencryptionOverError(ConflictError):
    """The re-encryption has ended, so it cannot be paused, resumed or cancelled."""

    code = "rotation.over"


class StatementTooSlowError(UnavailableError):
    """The database ended even the change of a single row because it took too long."""

    code = "rotation.statement_too_slow"


class RowsKeepComingError(UnavailableError):
    """Rows under an earlier version were still written after many passes: some process uses the old ring."""

    code = "rotation.rows_keep_coming"


class WritersOpenError(UnavailableError):
    """A transaction that has written to the table is still open, and its rows cannot be counted."""

    code = "rotation.writers_open"


class ReencryptionCancelledError(ConflictError):
    """Somebody cancelled the re-encryption; what was converted stays converted, and it can be resumed."""

    code = "rotation.cancelled"


class TooManyBrokenError(CannotDecryptError):
    """So many rows do not open that it cannot be the rows; the re-encryption stops, and none of them was touched."""

    code = "rotation.too_many_broken"


class ProcessesBehindError(ConflictError):
    """Processes that are alive do not know the new version of the column keys, so nothing is written under it yet."""

    code = "rotation.processes_behind"


class VersionNeededError(ConflictError):
    """A row, a quarantined row, a re-encryption, a process or a kept backup needs the version; it was not removed."""

    code = "rotation.version_needed"
