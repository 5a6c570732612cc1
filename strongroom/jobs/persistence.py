"""Trying a transaction again while the catalog is away and the lease still stands."""

from collections.abc import Callable
from typing import TypeVar

from strongroom.catalog.errors import CatalogUnavailableError
from strongroom.clock import Clock
from strongroom.jobs.lease import Lease

ResultT = TypeVar("ResultT")

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0


def persist(transaction: Callable[[], ResultT], lease: Lease, clock: Clock) -> ResultT:
    """Run a repeatable transaction until it gets through; raises LeaseLost once the lease cannot be trusted."""
    wait = FIRST_WAIT_SECONDS
    while True:
        lease.check()
        try:
            return transaction()
        except CatalogUnavailableError:
            clock.sleep(wait)
            wait = min(LONGEST_WAIT_SECONDS, wait * 2)
