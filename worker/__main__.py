"""`python -m worker NAME` starts one of the usual workers: which queues it serves, and with how many processes."""

import sys

from worker.app import app
from worker.profiles import PROFILES


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
    """Start the worker named on the command line."""
    names = sys.argv[1:]
    if len(names) != 1 or names[0] not in PROFILES:
        sys.exit(f"Usage: python -m worker {'|'.join(PROFILES)}")
    app.worker_main(arguments(names[0]))


if __name__ == "__main__":
    main()
