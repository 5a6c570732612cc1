"""What a request for a backup, restore or verification can be refused for."""

from strongroom.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError, UnavailableError


class KindNotOfferedError(InvalidInputError):
    """The source cannot be backed up in the kind that was asked for."""

    code = "backup.kind_not_offered"


class BackupNotCommittedError(ConflictError):
    """The backup has no commit record, so nothing can be read from it."""

    code = "backup.not_committed"


class NotInRepositoryError(InvalidInputError):
    """The backup is a snapshot that AWS keeps, so that no region's store holds its bytes."""

    code = "backup.not_in_repository"


class NoBackupYetError(NotFoundError):
    """The source has no committed backup."""

    code = "backup.none_yet"


class NoReplicaError(UnavailableError):
    """No region that holds the backup answers now."""

    code = "backup.no_replica"


class RegionWithoutReplicaError(ConflictError):
    """The region that was asked for does not hold the backup."""

    code = "backup.region_without_replica"


class TargetKindError(InvalidInputError):
    """The target cannot take what the backup holds."""

    code = "backup.target_kind"


class OverwriteNotConfirmedError(NotAllowedError):
    """Overwriting needs the target's own name as confirmation."""

    code = "backup.overwrite_not_confirmed"


class BadSelectionError(InvalidInputError):
    """A path or pattern that selects entries of a backup cannot be understood."""

    code = "backup.bad_selection"


class NothingSelectedError(NotFoundError):
    """The backup holds nothing that the paths and patterns name."""

    code = "backup.nothing_selected"


class NotComparableError(InvalidInputError):
    """The two backups have nothing in common that could be compared."""

    code = "backup.not_comparable"


class TargetNameError(InvalidInputError):
    """Several databases would be restored into one."""

    code = "backup.target_name"


class DatabaseNotInBackupError(NotFoundError):
    """The backup does not hold the database that was asked for."""

    code = "backup.database_not_in_backup"
