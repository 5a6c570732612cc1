"""A worker that stops taking messages once, and goes on living: Celery's fault after a reconnect, made to order.

Run as `python -m tests.integration.worker.deaf PROFILE`; apart from the fault and its haste it is the usual worker.
"""

import logging
from typing import Any

from celery import bootsteps

from tests.integration.worker.hasty import hurry
from worker.__main__ import main
from worker.app import app

log = logging.getLogger(__name__)

WORD = "this worker is deaf from now on"


class Deafness(bootsteps.StartStopStep):
    """Takes the consumer away from the first connection, without a word to the rest of the worker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._done = False

    def start(self, parent: Any) -> None:
        """Strike once; Celery calls it whenever the connection to the broker stands again."""
        if not self._done:
            self._done = True
            parent.timer.call_after(0, lambda: self._strike(parent))

    def _strike(self, parent: Any) -> None:
        parent.task_consumer.cancel()
        log.warning(WORD)


if __name__ == "__main__":
    hurry()
    app.steps["consumer"].add(Deafness)
    main()
