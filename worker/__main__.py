"""`python -m worker NAME` starts one of the usual workers: which queues it serves, and with how many processes."""

import sys

from strongroom.catalog.engine import open_engine, verify_schema
from strongroom.errors import StrongroomError
from worker.app import app
from worker.profiles import PROFILES
from worker.settings import read_settings


def arguments(name: str) -> list[str]:
    """Return the command line of a worker; raises KeyError for a name that is not in PROFILES."""
    profile = PROFILES[name]
    return [
        "worker",
        f"--hostname={name}@%h",
        f"--queues={','.join(profile.queues)}",
        f"--concurrency={profile.processes}",
        "--loglevel=INFO",
        # Workers have nothing to tell each other: the ledger knows what runs where.
        "--without-gossip",
        "--without-mingle",
    ]


def main() -> None:
    """Start the worker named on the command line; with wrong settings or an outdated catalog, say so and end."""
    names = sys.argv[1:]
    if len(names) != 1 or names[0] not in PROFILES:
        sys.exit(f"Usage: python -m worker {'|'.join(PROFILES)}")
    try:
        _verify_catalog()
    except StrongroomError as error:
        sys.exit(str(error))
    app.worker_main(arguments(names[0]))


def _verify_catalog() -> None:
    engine = open_engine(read_settings().catalog_url.get_secret_value())
    try:
        verify_schema(engine)
    finally:
        # No connection may be open when the pool processes are forked.
        engine.dispose()


if __name__ == "__main__":
    main()
