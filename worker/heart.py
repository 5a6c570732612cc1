"""The sign of life that a process writes to the catalog."""

import atexit
import os
import socket
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass

from strongroom.catalog.engine import open_engine
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from strongroom.errors import UnavailableError
from strongroom.jobs.processes import ProcessIdentity, ProcessKind, forget_process, record_heartbeat
from worker.settings import read_settings

HEARTBEAT_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Heart:
    """Writes the sign of life of one process; holds no connection between two of them, so the process may fork."""

    catalog: Catalog
    identity: ProcessIdentity

    def beat(self) -> None:
        """Write down that the process works; raises CatalogUnavailableError."""
        with self.catalog.begin() as session:
            record_heartbeat(session, self.identity)
        self.catalog.close()

    def stop(self) -> None:
        """Say that the process ended in order; a child that inherited the heart says nothing."""
        if os.getpid() != self.identity.pid:
            return
        # With the catalog away, the process shows as silent, which is true as well.
        with suppress(UnavailableError), self.catalog.begin() as session:
            forget_process(session, self.identity.name)
        self.catalog.close()


def open_heart(kind: ProcessKind, name: str, queues: Iterable[str] = ()) -> Heart:
    """Return the heart of this process, from the settings; it stops when the process exits by itself."""
    catalog = Catalog(open_engine(read_settings().catalog_url.get_secret_value()))
    started = SystemClock().now()
    identity = ProcessIdentity(name, kind, socket.gethostname(), os.getpid(), started, tuple(sorted(queues)))
    heart = Heart(catalog, identity)
    # Celery has no signal that every way of ending a worker or Beat passes through.
    atexit.register(heart.stop)
    return heart
