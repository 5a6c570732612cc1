"""Turn what the database driver raises into the catalog's own errors."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, InterfaceError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from strongroom.catalog.errors import CatalogUnavailableError


@contextmanager
def translated_faults() -> Iterator[None]:
    """Raise CatalogUnavailableError for a database that is away, locked, full or cut off; everything else passes."""
    try:
        yield
    except (OperationalError, InterfaceError, PoolTimeoutError) as error:
        raise _unavailable(error) from error
    except DBAPIError as error:
        if not error.connection_invalidated:
            raise
        raise _unavailable(error) from error


def _unavailable(error: Exception) -> CatalogUnavailableError:
    reason = str(getattr(error, "orig", None) or error).partition("\n")[0]
    return CatalogUnavailableError(
        f"The catalog database did not answer: {reason}.",
        next_step="Check that it runs and that its address is right (`strongroom config check`); then try again.",
    )
