"""What can go wrong with the keys of columns; no message ever carries key or salt bytes."""

from strongroom.errors import ConflictError, IntegrityError, InvalidInputError, NotAllowedError, NotFoundError


class ColumnKeyUnknownError(NotFoundError):
    """The ring at hand has no such version; another process may hold a newer ring."""

    code = "columnkeys.unknown_version"


class ColumnKeyDisabledError(NotAllowedError):
    """The version is in the ring, but it is disabled and may not be used."""

    code = "columnkeys.disabled_version"


class ColumnKeyDestroyedError(NotAllowedError):
    """The version is in the ring by name only: its key was destroyed."""

    code = "columnkeys.destroyed_version"


class KeyRingInvalidError(InvalidInputError):
    """The versions do not make a ring: none is active, a name is not allowed, or a key is too short."""

    code = "columnkeys.invalid_ring"


class KeyRingNotFoundError(NotFoundError):
    """There is no file of column keys, and the environment carries none."""

    code = "columnkeys.no_ring"


class KeyRingFileError(InvalidInputError):
    """The file of column keys cannot be read, is open to other users, or is not such a file."""

    code = "columnkeys.ring_file"


class KeyRingDamagedError(IntegrityError):
    """A salt, a key or the whole ring does not match the check value that was written with it."""

    code = "columnkeys.damaged_ring"


class KeyRingConflictError(ConflictError):
    """The change does not fit the ring as it is: the version exists, or is in a state that does not allow it."""

    code = "columnkeys.ring_conflict"


class SealedCopyError(IntegrityError):
    """A sealed copy of column keys is cut short, changed, or no such copy."""

    code = "columnkeys.sealed_copy"


class KeyRecordError(IntegrityError):
    """The record of what was done to a ring cannot be written, or lines of it were changed."""

    code = "columnkeys.record"


class OperationNotFoundError(NotFoundError):
    """The record of the ring has no operation of this name."""

    code = "columnkeys.operation_not_found"
