"""Refusals that wait to be written down: whoever asks for all of them to be written gets all."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.orm import Session

from strongroom.audit.events import AuditAction, AuditEvent, Outcome
from strongroom.audit.refusals import RefusalLog
from strongroom.catalog.session import Catalog
from strongroom.clock import SystemClock
from tests.integration.audit.writing import Log

REFUSED = AuditEvent(AuditAction.LOGIN_FAIL, "", Outcome.REFUSED, "token unknown")


class SlowCatalog:
    """A catalog in which a transaction goes on until it is let go."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.began, self.go = threading.Event(), threading.Event()

    @contextmanager
    def aside(self) -> Iterator[Session]:
        with self._catalog.aside() as session:
            yield session
            self.began.set()
            self.go.wait()


def test_whoever_has_them_written_waits_for_those_that_are_being_written(log: Log):
    slow = SlowCatalog(log.catalog)
    refusals = RefusalLog(slow, SystemClock(), together_seconds=0)
    refusals.add(REFUSED)
    assert slow.began.wait(60)

    flushing = threading.Thread(target=refusals.flush)
    flushing.start()
    flushing.join(0.2)
    assert flushing.is_alive()

    slow.go.set()
    flushing.join(60)
    assert not flushing.is_alive()
