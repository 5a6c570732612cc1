"""A worker that stops taking messages once, and goes on living: Celery's fault after a reconnect, made to order.

Run as `python -m tests.integration.worker.deaf PROFILE`; apart from the fault and its haste it is the usual worker.
"""

from typing import Any

from celery import bootsteps

from worker import hearing
from worker.__main__ import main
from worker.app import app

SECONDS_OF_HEARING = 0.5


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
            parent.timer.call_after(SECONDS_OF_HEARING, parent.task_consumer.cancel)


if __name__ == "__main__":
    hearing.SECONDS_BETWEEN_LOOKS = 0.5
    hearing.PATIENCE_SECONDS = hearing.TICK_PATIENCE_SECONDS = 2.0
    app.steps["consumer"].add(Deafness)
    main()
