"""What the catalog can answer instead of a row."""

from strongroom.errors import InvalidInputError, NotFoundError, StrongroomError, UnavailableError


class CatalogUnavailableError(UnavailableError):
    """The catalog database did not answer, or the connection was cut before it did."""

    code = "catalog.unavailable"


class CatalogUrlError(InvalidInputError):
    """The address of the catalog is not one Strongroom can use."""

    code = "catalog.bad_url"


class SchemaOutdatedError(StrongroomError):
    """The tables in the catalog are older than this version of Strongroom, or not there yet."""

    code = "catalog.schema_outdated"


class SchemaTooNewError(StrongroomError):
    """The tables in the catalog were made by a newer version of Strongroom."""

    code = "catalog.schema_too_new"


class RecordNotFoundError(NotFoundError):
    """The catalog has no backup, restore or verification with this id."""

    code = "catalog.record_not_found"


class BadCursorError(InvalidInputError):
    """The paging cursor was not made by the list it is used with."""

    code = "catalog.bad_cursor"


class BadLimitError(InvalidInputError):
    """A page was asked for with fewer than one or too many rows."""

    code = "catalog.bad_limit"
