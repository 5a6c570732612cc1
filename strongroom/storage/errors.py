"""What an object store can answer instead of doing what was asked."""

from strongroom.errors import (
    ConflictError,
    IntegrityError,
    InvalidInputError,
    NotAllowedError,
    NotFoundError,
    StrongroomError,
    UnavailableError,
)


class ObjectNotFoundError(NotFoundError):
    """The store holds no object under this key."""

    code = "storage.object_not_found"


class ObjectExistsError(ConflictError):
    """The key is taken; create-if-absent lost, and nothing was changed."""

    code = "storage.object_exists"


class StoreUnavailableError(UnavailableError):
    """The store did not answer, or answered with a passing fault."""

    code = "storage.unavailable"


class StoreDeniedError(NotAllowedError):
    """The store refused the credentials or the operation."""

    code = "storage.denied"


class StoreFullError(StrongroomError):
    """The store has no room left for the object; nothing was kept of it."""

    code = "storage.full"


class ChecksumMismatchError(IntegrityError):
    """The store holds other bytes under the key than were asked for."""

    code = "storage.checksum_mismatch"


class UnsafeStoreError(StrongroomError):
    """The store lacks something that safe commits need, such as atomic create-if-absent."""

    code = "storage.unsafe"


class ObjectLockedError(NotAllowedError):
    """The store keeps the object until its lock ends; nothing was removed."""

    code = "storage.locked"


class InvalidKeyError(InvalidInputError):
    """The text cannot name an object in every kind of store."""

    code = "storage.invalid_key"


class ClientMissingError(StrongroomError):
    """The library that talks to this kind of store is not installed."""

    code = "storage.client_missing"
