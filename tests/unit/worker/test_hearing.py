"""When a worker that hears nothing opens its connection anew, and when it does not."""

from types import SimpleNamespace

import pytest

from worker import hearing
from worker.hearing import Hearing, Suspicion


def test_what_was_there_at_every_look_is_confirmed_once():
    suspicion = Suspicion(patience=30)

    verdicts = [suspicion.confirms({"message"}, now) for now in range(0, 100, 10)]

    assert verdicts == [False, False, False, True, *[False] * 6]


def test_what_comes_and_goes_is_never_confirmed():
    suspicion = Suspicion(patience=30)

    assert not any(suspicion.confirms({now} if now % 20 else {"often"}, now) for now in range(0, 200, 10))


def test_each_message_is_confirmed_for_itself():
    suspicion = Suspicion(patience=30)
    for now in (0, 30):
        suspicion.confirms({"first"}, now)

    assert not suspicion.confirms({"first", "second"}, 40)
    assert suspicion.confirms({"first", "second"}, 70)
    assert not suspicion.confirms({"first", "second"}, 80)


def test_another_explanation_begins_the_count_anew():
    suspicion = Suspicion(patience=30)
    suspicion.confirms({"message"}, 0)

    suspicion.drop()

    assert not suspicion.confirms({"message"}, 30)
    assert suspicion.confirms({"message"}, 60)


class Timer:
    """Keeps what the loop is to call."""

    def call_repeatedly(self, seconds, call):
        """Keep the call."""
        self.call = call


@pytest.fixture
def worker(monkeypatch, tmp_path):
    """A function that makes the hearing of a worker of some queues, whose patience is over at the second look."""
    settings = SimpleNamespace(
        catalog_url=SimpleNamespace(get_secret_value=lambda: f"sqlite:///{tmp_path}/none/catalog.db")
    )
    monkeypatch.setattr(hearing, "read_settings", lambda: settings)
    monkeypatch.setattr(hearing, "PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(hearing, "TICK_PATIENCE_SECONDS", 0.0)
    monkeypatch.setattr(hearing, "state", SimpleNamespace(requests={}, all_total_count=[7]))

    def make(*queues):
        app = SimpleNamespace(amqp=SimpleNamespace(queues=SimpleNamespace(consume_from=dict.fromkeys(queues))))
        parent = SimpleNamespace(app=app, timer=Timer())
        Hearing(parent).start(parent)
        return parent.timer.call

    return make


def test_a_worker_of_the_ticks_that_takes_none_connects_anew_once(worker):
    look = worker("control")

    with pytest.raises(ConnectionResetError):
        look()
    look()


def test_a_worker_without_ticks_misses_none_and_a_catalog_that_is_away_is_no_reason(worker):
    worker("backup")()


def test_a_busy_worker_does_not_listen(worker, monkeypatch):
    look = worker("control")
    monkeypatch.setattr(hearing.state, "requests", {"id": object()})

    look()
