"""A process that holds column keys says so: an application with encrypted columns, or a worker that re-encrypts them.

    holder = KeyRingHolder(EnvCryptoFile(Path(".env.crypto")))
    with reporting("postgresql+psycopg://strongroom@db/catalog", holder):
        serve()

Start it in each process, after a fork. It looks for a newer ring before every report, so that a rotation is known to
all processes within seconds.
"""

import logging
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.clock import Clock, RandomBytes, SystemClock, system_random
from strongroom.columnkeys.holder import KeyRingHolder
from strongroom.columnkeys.ring import KeyRing
from strongroom.errors import StrongroomError, UnavailableError
from strongroom.jobs.keeper import PROCESS
from strongroom.jobs.key_holders import HolderIdentity, forget_holder, record_holding

log = logging.getLogger(__name__)

REPORT_SECONDS = 10.0


class KeyReporter:
    """Reports the ring of one process, by the process's keeper thread; safe to start once in each process."""

    interval = REPORT_SECONDS

    def __init__(self, catalog: Catalog, holder: KeyRingHolder, identity: HolderIdentity) -> None:
        self._catalog = catalog
        self._holder = holder
        self._identity = identity

    def start(self) -> None:
        """Announce the process, load the ring, report it, and go on with that every ten seconds.

        Announced first: a rotation that begins between loading and reporting waits for this process. Raises as the
        ring's source does, and CatalogUnavailableError.
        """
        self._record(None)
        self._holder.refresh()
        self._record(self._holder.ring())
        PROCESS.keeper.add(self)

    def watch(self) -> None:
        """Load a newer ring if there is one, and report the one in use; what goes wrong is logged and tried again."""
        try:
            self._holder.refresh()
        except StrongroomError as error:
            log.warning("the column keys could not be loaded anew: %s", error.what)
        try:
            self._record(self._holder.ring())
        except StrongroomError as error:
            log.warning("the column keys in use are not reported: %s", error.what)

    def stop(self) -> None:
        """Say that the process holds no keys any more."""
        PROCESS.keeper.remove(self)
        with suppress(UnavailableError), self._catalog.begin() as session:
            forget_holder(session, self._identity.name)

    def _record(self, ring: KeyRing | None) -> None:
        with self._catalog.begin() as session:
            record_holding(session, self._identity, ring)


def this_process(clock: Clock | None = None, random: RandomBytes = system_random) -> HolderIdentity:
    """Return a name for this process that no other has, also one that gets its number later."""
    host, pid = socket.gethostname(), os.getpid()
    return HolderIdentity(f"{host[:80]}:{pid}:{random(4).hex()}", host, pid, (clock or SystemClock()).now())


@contextmanager
def reporting(catalog_url: str, holder: KeyRingHolder) -> Iterator[KeyReporter]:
    """Report this process for as long as the block runs; raises as `KeyReporter.start` does."""
    catalog = Catalog(open_engine(catalog_url))
    reporter = KeyReporter(catalog, holder, this_process())
    try:
        reporter.start()
        yield reporter
    finally:
        reporter.stop()
        catalog.close()


@contextmanager
def holding_ring(catalog: Catalog, load: Callable[[], KeyRing]) -> Iterator[KeyRing]:
    """Load a ring for the length of a block, and report all the while that this process holds that very ring.

    So a new version is not written under before blocks with an older ring have ended. Raises as `load` does.
    """
    holder = KeyRingHolder(_LoadedOnce(load))
    reporter = KeyReporter(catalog, holder, this_process())
    try:
        reporter.start()
        yield holder.ring()
    finally:
        reporter.stop()


class _LoadedOnce:
    """A source that goes on giving the ring it gave first."""

    def __init__(self, load: Callable[[], KeyRing]) -> None:
        self._load = load
        self._ring: KeyRing | None = None

    def load(self) -> KeyRing:
        self._ring = self._ring or self._load()
        return self._ring
