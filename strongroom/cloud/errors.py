"""Why a snapshot is not made, not kept or not restored."""

from typing import Self

from strongroom.errors import (
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    StrongroomError,
    UnavailableError,
)


class RegionWithoutAwsError(InvalidInputError):
    """The settings do not say where in AWS snapshots of the region are kept."""

    code = "cloud.region_without_aws"


class NothingToSnapshotError(NotFoundError):
    """AWS has no volume with the source's tag, or no database of the source's name."""

    code = "cloud.nothing_to_snapshot"


class SourceChangedError(UnavailableError):
    """A volume that had the source's tag was deleted before its snapshot began."""

    code = "cloud.source_changed"


class NoNewSnapshotError(ConflictError):
    """RDS has taken no automated snapshot since the last one that was kept."""

    code = "cloud.no_new_snapshot"


class SnapshotFailedError(UnavailableError):
    """A snapshot or copy ended in error; what was left of it is deleted, so that it can be made again."""

    code = "cloud.snapshot_failed"


class NotEncryptedError(NotAllowedError):
    """The database is not encrypted, and RDS cannot encrypt a snapshot of it afterwards."""

    code = "cloud.not_encrypted"


class WrongKeyError(IntegrityError):
    """A copy is not encrypted under the key that the settings name for its region; it was deleted."""

    code = "cloud.wrong_key"

    @classmethod
    def of(cls, snapshot: str, region: str, found: str | None, wanted: str) -> Self:
        """Return the error about a copy that was deleted for its key."""
        return cls(
            f"Copy {snapshot} in {region} is under key {found}, not {wanted}; it was deleted.",
            next_step="Copy it again; whoever made this one did not use the key of the settings.",
        )


class CopyMissingError(NotFoundError):
    """AWS does not have the snapshot any more that the catalog calls present."""

    code = "cloud.copy_missing"


class NoOriginError(UnavailableError):
    """No other region holds the snapshots whole now."""

    code = "cloud.no_origin"


class SnapshotsIncompleteError(NotFoundError):
    """The snapshots that AWS has of a backup are not all of it, in any region."""

    code = "cloud.snapshots_incomplete"


class UnknownOwnerError(ConflictError):
    """Snapshots that look like ours do not say which repository they belong to, or contradict each other."""

    code = "cloud.unknown_owner"


class TargetTakenError(ConflictError):
    """A database of the name that a restore is to make exists already; it is not touched."""

    code = "cloud.target_taken"


class RestoreFailedError(StrongroomError):
    """AWS could not make the volume or database of the snapshot."""

    code = "cloud.restore_failed"


class NothingToCheckError(InvalidInputError):
    """The source is of a kind that needs no permission of AWS."""

    code = "cloud.nothing_to_check"
