"""A worker's sign of life. It comes from the loop that takes messages, so a worker that hangs gives none."""

from typing import Any

from celery import bootsteps

from strongroom.jobs.processes import ProcessKind
from worker.heart import HEARTBEAT_SECONDS, Heart, open_heart


class WorkerHeartbeat(bootsteps.StartStopStep):
    """Writes a heartbeat row every ten seconds while the worker takes messages from the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._heart: Heart | None = None
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        """Begin to beat; Celery calls it whenever the connection to the broker stands again."""
        heart = self._heart = self._heart or open_heart(ProcessKind.WORKER, parent.hostname)
        parent.timer.call_after(0, heart.beat)
        self._timer = parent.timer.call_repeatedly(HEARTBEAT_SECONDS, heart.beat)

    def stop(self, parent: Any) -> None:
        """Cease to beat; Celery calls it when the connection is lost and when the worker ends."""
        if self._timer is not None:
            self._timer.cancel()
