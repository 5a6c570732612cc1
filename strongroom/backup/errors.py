"""What a request for a backup, restore or verification can be refused for."""

from strongroom.errors import ConflictError, InvalidInputError, NotAllowedError, NotFoundError, UnavailableError


class SourceUnknownError(NotFoundError):
    """The configuration declares no source of this name."""

    code = "backup.unknown_source"


class RegionUnknownError(NotFoundError):
    """The configuration declares no region of this name."""

    code = "backup.unknown_region"


class KindNotOfferedError(InvalidInputError):
    """The source cannot be backed up in the kind that was asked for."""

    code = "backup.kind_not_offered"


class BackupNotCommittedError(ConflictError):
    """The backup has no commit record, so nothing can be read from it."""

    code = "backup.not_committed"


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


class DamagedReplicaError(ConflictError):
    """The region's copy failed its last verification."""

    code = "backup.damaged_replica"
