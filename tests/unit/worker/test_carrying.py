"""Ids travel with messages: through chains, retries and a message that comes twice; every tick begins a trace."""

from collections.abc import Iterator

import pytest
from celery import Celery, chain, signals
from celery.contrib.testing.worker import start_worker

from strongroom.tracing import NOTHING, bind, get_ids, get_request_id, get_trace_id, is_trace_id
from worker import carrying

PATIENCE_SECONDS = 60
TRACE, REQUEST = "4bf92f3577b34da6a3ce929d0e0e4736", "a" * 32
seen: list[tuple[str, str | None, str | None, str | None]] = []


def leave_logging_alone(**_: object) -> None:
    """Keep Celery from replacing the handlers of this process."""


def note(name: str) -> None:
    seen.append((name, get_trace_id(), get_request_id(), get_ids().task_id))


@pytest.fixture(scope="module")
def app() -> Iterator[Celery]:
    """An application with a worker of its own, whose messages stay in this process."""
    carrying.connect()
    app = Celery("carrying", broker="memory://", backend="cache+memory://")
    app.conf.update(task_always_eager=False, broker_connection_retry_on_startup=True)

    @app.task(shared=False, name="carrying.first")
    def first() -> None:
        note("first")

    @app.task(shared=False, name="carrying.second", bind=True, ignore_result=False)
    def second(self: object, *_: object) -> None:
        note("second")

    @app.task(shared=False, name="carrying.retried", bind=True, default_retry_delay=0, max_retries=3)
    def retried(self):
        note("retried")
        if self.request.retries < 2:
            raise self.retry()

    @app.task(shared=False, name="carrying.sends")
    def sends() -> str:
        note("sends")
        return str(first.apply_async().id)

    signals.setup_logging.connect(leave_logging_alone)
    with start_worker(app, perform_ping_check=False, pool="solo", loglevel="ERROR", shutdown_timeout=30):
        yield app


@pytest.fixture(autouse=True)
def nothing_seen() -> None:
    seen.clear()


def test_what_is_sent_carries_the_ids_of_who_sends_it(app: Celery):
    with bind(trace_id=TRACE, request_id=REQUEST):
        sent = app.tasks["carrying.first"].apply_async()

    sent.get(timeout=PATIENCE_SECONDS)
    assert seen == [("first", TRACE, REQUEST, sent.id)]


def test_a_chain_stays_in_the_trace_of_whoever_sent_it(app: Celery):
    links = [app.tasks[name].si() for name in ("carrying.first", "carrying.second", "carrying.second")]
    with bind(trace_id=TRACE, request_id=REQUEST):
        sent = chain(*links).apply_async()

    sent.get(timeout=PATIENCE_SECONDS)
    assert [told[1:3] for told in seen] == [(TRACE, REQUEST)] * 3


def test_a_retry_stays_in_the_trace_of_the_first_try(app: Celery):
    with bind(trace_id=TRACE, request_id=REQUEST):
        sent = app.tasks["carrying.retried"].apply_async()

    sent.get(timeout=PATIENCE_SECONDS)
    assert [told[:3] for told in seen] == [("retried", TRACE, REQUEST)] * 3


def test_a_task_that_a_task_sends_is_of_the_same_trace(app: Celery):
    with bind(trace_id=TRACE):
        sent = app.tasks["carrying.sends"].apply_async()

    app.AsyncResult(sent.get(timeout=PATIENCE_SECONDS)).get(timeout=PATIENCE_SECONDS)
    assert {told[1] for told in seen} == {TRACE}


def test_whatever_nobody_asked_for_begins_a_trace_at_every_run(app: Celery):
    for _ in range(2):
        app.tasks["carrying.first"].apply_async().get(timeout=PATIENCE_SECONDS)

    (_, one, request, _), (_, other, _, _) = seen
    assert is_trace_id(one)
    assert is_trace_id(other)
    assert one != other
    assert request is None
    assert get_ids() == NOTHING


def test_a_message_from_elsewhere_with_nonsense_begins_a_trace(app: Celery):
    headers = {carrying.TRACE_HEADER: "0" * 32 + "\x1b", carrying.REQUEST_HEADER: 7}
    app.tasks["carrying.first"].apply_async(headers=headers).get(timeout=PATIENCE_SECONDS)

    ((_, trace_id, request_id, _),) = seen
    assert is_trace_id(trace_id)
    assert request_id is None


def test_what_belongs_to_a_message_is_bound_while_it_is_taken():
    headers = {carrying.TRACE_HEADER: TRACE, "id": "task"}
    with carrying.under_ids_of(headers):
        assert (get_trace_id(), get_ids().task_id) == (TRACE, "task")
    with carrying.under_ids_of({}):
        assert is_trace_id(get_trace_id())
    assert get_ids() == NOTHING
