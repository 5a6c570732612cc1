"""A worker whose loop stands still."""

import threading
from types import SimpleNamespace

from worker import heartbeat
from worker.heartbeat import WorkerHeartbeat


class StillTimer:
    """The timer of a loop that hangs: it calls nobody."""

    def call_after(self, seconds, call):
        """Keep nothing."""

    def call_repeatedly(self, seconds, call):
        """Keep nothing."""


def test_a_worker_whose_loop_stands_still_is_ended_by_force(monkeypatch):
    ended = threading.Event()
    monkeypatch.setattr(heartbeat, "end_by_force", lambda pool: ended.set())
    monkeypatch.setattr(heartbeat, "open_heart", lambda kind, name, queues: SimpleNamespace())
    monkeypatch.setattr(heartbeat, "SECONDS_BETWEEN_LOOKS", 0.01)
    settings = SimpleNamespace(worker=SimpleNamespace(silent_seconds=0.05))
    monkeypatch.setattr(heartbeat, "read_settings", lambda: settings)
    queues = SimpleNamespace(consume_from={"backup": None})
    app = SimpleNamespace(amqp=SimpleNamespace(queues=queues))
    parent = SimpleNamespace(app=app, pool=None, hostname="backup@here", timer=StillTimer())

    WorkerHeartbeat(parent).start(parent)

    assert ended.wait(10)
