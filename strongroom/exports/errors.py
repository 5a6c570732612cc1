"""What can go wrong with backups outside of the regions."""

from strongroom.errors import IntegrityError, InvalidInputError, NotAllowedError, NotFoundError, StrongroomError


class ExportPlaceError(NotAllowedError):
    """The directory of exports, or something in it, cannot be read or written by this process."""

    code = "exports.place"


class NoRoomError(StrongroomError):
    """There is not enough room on the disk; nothing was kept of what was begun."""

    code = "exports.no_room"


class ExportNotFoundError(NotFoundError):
    """The directory is not there, holds no manifest, or not the part that was asked for."""

    code = "exports.not_found"


class ManifestError(IntegrityError):
    """The manifest of an export is not one, or says something else than the export holds."""

    code = "exports.manifest"


class ExportDamagedError(IntegrityError):
    """A file of an export is missing, cut short or changed; nothing was restored from it."""

    code = "exports.damaged"


class ExportSourceError(InvalidInputError):
    """Which sources go into an export is not clear, or one of them cannot go into one."""

    code = "exports.source"


class ReadOnlyExportError(NotAllowedError):
    """Something tried to change the objects of an export."""

    code = "exports.read_only"
