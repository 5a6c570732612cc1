"""Why a drill could not be held; none of these says anything about the backup."""

from strongroom.errors import InvalidInputError, NotAllowedError, NotFoundError, StrongroomError


class NothingToDrillError(NotFoundError):
    """The source has no backup that could be restored."""

    code = "drills.nothing_to_restore"


class NotDrillableError(InvalidInputError):
    """The source's backups are snapshots that somebody else keeps, and no drill can restore them."""

    code = "drills.not_drillable"


class NoRoomForDrillError(StrongroomError):
    """The disk has no room for what the drill would restore; nothing was written."""

    code = "drills.no_room"


class DrillPlaceError(NotAllowedError):
    """The directory that drills restore to cannot be used."""

    code = "drills.place"


class BadCheckError(InvalidInputError):
    """A check of the source is not SQL, or asks a database that the backup does not hold."""

    code = "drills.bad_check"


class ExtensionMissingError(NotFoundError):
    """The scratch server lacks an extension that the database needs."""

    code = "drills.extension_missing"


class DrillOvertakenError(NotFoundError):
    """The backup was retired while it was being restored."""

    code = "drills.overtaken"


class DrillUndecidedError(StrongroomError):
    """The drill has not ended yet, so there is no evidence of it."""

    code = "drills.undecided"
