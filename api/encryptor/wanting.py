"""Asks a worker to fill the pools, without any request waiting for the broker."""

import logging
import threading
from concurrent.futures import ThreadPoolExecutor

from celery import Celery

from strongroom.errors import UnavailableError
from worker.publisher import sending

log = logging.getLogger(__name__)

TASK = "keysync.refill"


class Wanting:
    """Publishes one message at a time; what fails is made good by the tick that does the same."""

    def __init__(self, app: Celery) -> None:
        self._app = app
        self._sender = ThreadPoolExecutor(1, "wanting")
        self._waiting = threading.Event()

    def __call__(self, peer: str) -> None:
        """Note that a peer's pool goes down, and return at once."""
        # A wish that is about to be sent speaks for all: the task looks at every pool.
        if not self._waiting.is_set():
            self._waiting.set()
            self._sender.submit(self._send)

    def _send(self) -> None:
        self._waiting.clear()
        try:
            with sending("the wish for keys"):
                self._app.send_task(TASK, retry=False, expires=30)
        except UnavailableError as error:
            log.warning("skip.refill.not_sent: %s", error.what)
