"""Messages that somebody else put into the broker: no worker ends, hangs or is cut off by one, or tells a secret."""

import base64
import json
import uuid

import pytest

from tests.integration.worker.conftest import eventually
from tests.services.valkey import Valkey

QUEUE = "backup"
NOTHING_ELSE = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
HARMLESS = json.dumps([[], {"job_id": "nothing"}, NOTHING_ELSE])
UNREADABLE = {
    "content of no kind": {"kind": None},
    "content that stays bytes": {"kind": "application/data", "encoding": "binary"},
    "a kind that is a list": {"kind": ["application/json"]},
    "a body that is a number": {"body": "7"},
    "no headers at all": {"headers": {}, "replace": True},
    "headers that are numbers": {"headers": {"task": {"a": 1}}},
    "an id that is a table": {"headers": {"id": {"a": 1}}},
    "a name that is a table": {"headers": {"shadow": {"a": 1}}},
    "ids of other types": {"headers": {"x_trace_id": [1], "x_request_id": {"a": 1}, "traceparent": 7}},
    "limits that are words": {"headers": {"timelimit": ["a", "b"]}},
    "a limit that is none": {"headers": {"timelimit": 5}},
}


@pytest.fixture
def broker(valkey: Valkey) -> Valkey:
    """RabbitMQ hands the same messages to the same code."""
    return valkey


def forge(broker, *, body=HARMLESS, kind="application/json", encoding="utf-8", headers=None, replace=False):
    """Put a message into the queue as whoever may write to Redis can."""
    usual = {"lang": "py", "task": "backup.run", "id": str(uuid.uuid4()), "retries": 0, "timelimit": [None, None]}
    message = {
        "body": base64.b64encode(body.encode()).decode(),
        "content-encoding": encoding,
        "content-type": kind,
        "headers": headers if replace else usual | (headers or {}),
        "properties": {
            "correlation_id": str(uuid.uuid4()),
            "delivery_info": {"exchange": "", "routing_key": QUEUE},
            "delivery_tag": str(uuid.uuid4()),
            "body_encoding": "base64",
        },
    }
    with broker.client() as client:
        client.lpush(QUEUE, json.dumps(message))


def test_messages_that_nobody_can_read_end_no_worker(site, broker, start_worker):
    for forged in UNREADABLE.values():
        forge(broker, **forged)
    job = site.request_backup()
    forge(broker, body=json.dumps([[], {"job_id": str(job.id)}, NOTHING_ELSE]))

    worker = start_worker("backup")

    eventually(lambda: site.state_of(job) == "succeeded")
    log = worker.log.read_text()
    assert "message dropped: it cannot be read: TypeError" in log
    assert "Unrecoverable error" not in log


def test_a_message_cannot_have_work_cut_off(site, broker, start_worker):
    job = site.request_backup()
    body = json.dumps([[], {"job_id": str(job.id)}, NOTHING_ELSE])
    forge(broker, body=body, headers={"timelimit": [0.01, 0.01]})

    start_worker("backup")

    eventually(lambda: site.state_of(job) == "succeeded")
    assert site.runtime.ledger.get(job.id).attempt == 1


def test_the_tasks_of_celery_itself_are_not_to_be_had(site, broker, start_worker):
    endless = [["group", {"task": "backup.run"}], {"result": [["a", None]], "interval": 0.01}, NOTHING_ELSE]
    forge(broker, body=json.dumps(endless), headers={"task": "celery.chord_unlock"})

    worker = start_worker("backup")

    eventually(lambda: "Received unregistered task of type 'celery.chord_unlock'" in worker.log.read_text())
