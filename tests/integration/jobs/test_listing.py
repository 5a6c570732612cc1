"""Jobs are found by their id and listed newest first."""

import uuid

import pytest

from strongroom.catalog.errors import BadCursorError, BadLimitError
from strongroom.catalog.jobs import JobState
from strongroom.jobs.errors import JobNotFoundError
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import Ledger
from tests.integration.jobs.staging import claimed, enqueue, request


def test_a_job_that_does_not_exist_is_not_found(ledger: Ledger):
    assert ledger.find(uuid.uuid4()) is None
    with pytest.raises(JobNotFoundError):
        ledger.get(uuid.uuid4())


def test_jobs_are_filtered_by_state_and_kind(ledger: Ledger):
    waiting = enqueue(ledger, request(JobKind.RESTORE_RUN))
    running = claimed(ledger).job_id

    assert [job.id for job in ledger.list(state=JobState.QUEUED).items] == [waiting]
    assert [job.id for job in ledger.list(state=JobState.RUNNING).items] == [running]
    assert [job.id for job in ledger.list(kind=JobKind.RESTORE_RUN).items] == [waiting]
    assert ledger.list(kind=JobKind.RESTORE_RUN, state=JobState.RUNNING).items == []


def test_pages_cover_every_job_once(ledger: Ledger):
    jobs = {enqueue(ledger) for _ in range(5)}
    seen: list[uuid.UUID] = []
    cursor: str | None = None
    for _ in range(3):
        page = ledger.list(limit=2, cursor=cursor)
        seen += [job.id for job in page.items]
        cursor = page.next_cursor

    assert cursor is None
    assert seen == sorted(jobs, reverse=True)


def test_an_impossible_page_is_refused(ledger: Ledger):
    with pytest.raises(BadLimitError):
        ledger.list(limit=0)
    with pytest.raises(BadCursorError):
        ledger.list(cursor="nonsense")
