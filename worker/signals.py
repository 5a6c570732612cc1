"""What happens when the processes of a worker start and end.

Nothing that holds a connection is made before the fork: each pool process builds its own Runtime.
"""

import os
import socket
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any

from celery import Celery, Task, signals

from strongroom.audit.acting import STRONGROOM, acting
from strongroom.runtime import build_runtime
from strongroom.spans.starting import start_spans, stop_spans
from tasks import process
from worker.publisher import Publisher
from worker.settings import read_settings
from worker.stopping import stopping

_acting: dict[str, AbstractContextManager[None]] = {}
"""What each task that runs has bound."""


def connect(app: Celery) -> None:
    """Have the processes of this application's workers start and end as they should."""

    def start(**_: Any) -> None:
        # Before the catalog and the regions are opened: what they do is recorded as well.
        if read_settings().spans.exported:
            start_spans(read_settings().spans.service_name or "worker")
        owner = f"{socket.gethostname()}:{os.getpid()}"
        services = build_runtime(read_settings()).services()
        queues = frozenset(app.amqp.queues.consume_from)
        process.start(process.Process(services, Publisher(app), owner, queues, stopping.is_set))

    signals.worker_process_init.connect(start, weak=False)
    signals.worker_process_shutdown.connect(_stop, weak=False)
    signals.task_prerun.connect(_begin_to_act, weak=False)
    signals.task_postrun.connect(_cease_to_act, weak=False)


def _begin_to_act(task_id: str, task: Task, **_: Any) -> None:
    """Have the audit log say which task did something that nobody asked for at that moment."""
    bound = _acting[task_id] = acting(replace(STRONGROOM, operation=f"task: {task.name}"))
    bound.__enter__()


def _cease_to_act(task_id: str, **_: Any) -> None:
    if (bound := _acting.pop(task_id, None)) is not None:
        bound.__exit__(None, None, None)


def _stop(**_: Any) -> None:
    process.stop()
    stop_spans()
