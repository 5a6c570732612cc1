"""Whether a process on this machine gives signs of life, for those who start containers."""

from strongroom.catalog.session import Catalog
from strongroom.doctor.finding import Finding
from strongroom.jobs.processes import ProcessKind, list_alive

WITHIN_SECONDS = 60.0
"""Six heartbeats."""


def find_silence(catalog: Catalog, kind: ProcessKind, host: str) -> Finding | None:
    """Return that no process of a kind lives on a host, unless one does; raises CatalogUnavailableError."""
    with catalog.read() as session:
        alive = list_alive(session, within_seconds=WITHIN_SECONDS, kind=kind)
    if any(process.host == host for process in alive):
        return None
    return Finding(
        "silent",
        f"No {kind.value} on {host} has given a sign of life for a minute.",
        "See its log, and start it again.",
    )
