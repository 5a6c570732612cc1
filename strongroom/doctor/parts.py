"""What an installation needs: the catalog with the right tables, and the key of every region."""

from collections.abc import Callable, Iterator
from functools import partial

from strongroom.catalog.schema import verify_schema
from strongroom.doctor.finding import Finding
from strongroom.errors import StrongroomError
from strongroom.services import Services


def find_missing_parts(services: Services) -> Iterator[Finding]:
    """Yield what is away, of another version, or cannot be opened."""
    yield from _try("catalog", lambda: verify_schema(services.catalog.engine))
    for region in services.settings.regions:
        yield from _try("keyring", partial(_open_key, services, region.name))


def _open_key(services: Services, region: str) -> None:
    # Looked up here, as that opens the provider.
    services.keks[region].current_version()


def _try(code: str, part: Callable[[], object]) -> Iterator[Finding]:
    try:
        part()
    except StrongroomError as error:
        yield Finding(code, error.what, error.next_step)
