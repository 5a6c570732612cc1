"""What rival processes do; at the top of a module, so that a spawned process finds it."""

import os
import uuid
from typing import Any

from strongroom.jobs.outbox import JobMessage, publish_due
from strongroom.jobs.sweeper import sweep
from tests.integration.jobs.staging import open_ledger, request


def claim(answers: Any, start: Any, url: str, job_ids: list[uuid.UUID]) -> None:
    ledger = open_ledger(url)
    ledger.find(job_ids[0])
    start.wait()
    answers.put([job_id for job_id in job_ids if ledger.claim(job_id, f"process-{os.getpid()}")])


def enqueue(answers: Any, start: Any, url: str, key: str) -> None:
    ledger = open_ledger(url)
    ledger.find(uuid.uuid4())
    start.wait()
    with ledger.catalog.begin() as session:
        answers.put(ledger.enqueue(session, request(key=key)).id)


def sweep_all(answers: Any, start: Any, url: str) -> None:
    ledger = open_ledger(url)
    ledger.find(uuid.uuid4())
    start.wait()
    answers.put(sweep(ledger))


def publish_all(answers: Any, start: Any, url: str) -> None:
    ledger = open_ledger(url)
    ledger.find(uuid.uuid4())
    published: list[JobMessage] = []
    start.wait()
    publish_due(ledger, published.append)
    answers.put([message.job_id for message in published])
