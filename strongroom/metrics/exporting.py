"""Everything that the catalog knows, as families of samples: in one transaction, with a fixed number of statements."""

from collections.abc import Iterator

from prometheus_client.core import Metric
from sqlalchemy import text
from sqlalchemy.orm import Session

from strongroom.catalog.dbtime import database_now
from strongroom.catalog.session import Catalog
from strongroom.catalog.tallies import read_tallies
from strongroom.metrics.backups import read_copies, source_families
from strongroom.metrics.drills import drill_families
from strongroom.metrics.jobs import job_families
from strongroom.metrics.keeping import retention_families
from strongroom.metrics.keys import column_families, peer_families
from strongroom.metrics.people import account_families, alert_families
from strongroom.metrics.places import place_families
from strongroom.metrics.regions import region_families
from strongroom.settings import Settings

STATEMENT_SECONDS = 8
"""After which PostgreSQL gives up a statement that nobody waits for any more."""


def export(catalog: Catalog, settings: Settings) -> list[Metric]:
    """Return the families of everything in the catalog, as it is now; raises CatalogUnavailableError."""
    with catalog.read() as session:
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text(f"SET LOCAL statement_timeout = '{STATEMENT_SECONDS}s'"))
        return list(_families(session, settings))


def _families(session: Session, settings: Settings) -> Iterator[Metric]:
    now, tallies, copies = database_now(session), read_tallies(session), read_copies(session)
    yield from source_families(session, settings, copies)
    yield from region_families(session, settings, copies, now)
    yield from drill_families(session, settings)
    yield from job_families(session, now)
    yield from column_families(session)
    yield from retention_families(session, settings, tallies)
    yield from peer_families(session, settings, tallies)
    yield from alert_families(session, settings, tallies, now)
    yield from account_families(tallies)
    yield from place_families(session, settings)
