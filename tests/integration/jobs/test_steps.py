"""The effect of a step happens once in the life of a job, whoever tries and however often."""

import threading
from typing import Any

import pytest
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.jobs import JobStep
from strongroom.jobs.claiming import Claim
from strongroom.jobs.context import JobContext
from strongroom.jobs.interrupts import LeaseLost
from strongroom.jobs.lease import Lease
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.processes import ProcessIdentity, ProcessKind, record_heartbeat
from strongroom.jobs.runner import never_stopping
from tests.integration.jobs.staging import LONG_AGO, CutCatalog, HandClock, claimed, lapse


def context_of(ledger: Ledger, claim: Claim) -> JobContext:
    return JobContext(ledger, claim, Lease(ledger, claim), never_stopping)


class Mark:
    """An effect in the catalog that can be counted: one row each time it happens."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger
        self.calls = 0

    def __call__(self, session: Session) -> dict[str, Any]:
        self.calls += 1
        name = f"mark-{self.calls}"
        record_heartbeat(session, ProcessIdentity(name, ProcessKind.WORKER, "host", 1, LONG_AGO))
        return {"mark": self.calls}

    @property
    def happened(self) -> int | None:
        with self.ledger.catalog.read() as session:
            return session.scalar(select(func.count()).select_from(Heartbeat))


def test_a_step_applies_its_effect_and_records_its_result(ledger: Ledger):
    claim, mark = claimed(ledger), Mark(ledger)

    result = context_of(ledger, claim).step("copied", mark)

    with ledger.catalog.read() as session:
        record = session.get_one(JobStep, (claim.job_id, "copied"))
    assert result == record.result == {"mark": 1}
    assert (record.fence, mark.happened) == (claim.fence, 1)


def test_a_step_done_before_answers_without_its_effect(ledger: Ledger):
    context, mark = context_of(ledger, claimed(ledger)), Mark(ledger)
    context.step("copied", mark)

    assert context.step("copied", mark) == {"mark": 1}
    assert (mark.calls, mark.happened) == (1, 1)


def test_a_later_attempt_finds_the_steps_of_an_earlier_one(ledger: Ledger):
    first, mark = claimed(ledger), Mark(ledger)
    context_of(ledger, first).step("copied", mark)
    lapse(ledger, first.job_id)

    second = context_of(ledger, claimed(ledger, first.job_id))

    assert second.step("copied", mark) == {"mark": 1}
    assert second.step("checked", mark) == {"mark": 2}


def test_a_step_without_a_result_is_done_once_too(ledger: Ledger):
    context, mark = context_of(ledger, claimed(ledger)), Mark(ledger)

    for _ in range(2):
        assert context.step("copied", lambda session: mark(session) and None) is None

    assert mark.calls == 1


def test_a_step_whose_effect_fails_has_not_happened(ledger: Ledger):
    context, mark = context_of(ledger, claimed(ledger)), Mark(ledger)

    def failing(session: Session) -> dict[str, Any]:
        mark(session)
        raise LookupError

    with pytest.raises(LookupError):
        context.step("copied", failing)

    assert mark.happened == 0
    assert context.step("copied", mark) == {"mark": 2}


def test_a_commit_that_did_not_get_through_is_repeated(ledger: Ledger):
    catalog = CutCatalog(ledger.catalog, after_commit=False)
    cut = Ledger(catalog, HandClock(), ledger.random, ledger.policy)
    context, mark = context_of(cut, claimed(cut)), Mark(ledger)
    catalog.cuts = 2

    assert context.step("copied", mark) == {"mark": 3}
    assert mark.happened == 1


def test_a_commit_whose_answer_got_lost_is_not_repeated(ledger: Ledger):
    catalog = CutCatalog(ledger.catalog, after_commit=True)
    cut = Ledger(catalog, HandClock(), ledger.random, ledger.policy)
    context, mark = context_of(cut, claimed(cut)), Mark(ledger)
    catalog.cuts = 1

    assert context.step("copied", mark) == {"mark": 1}
    assert (mark.calls, mark.happened) == (1, 1)


def test_a_step_gives_up_when_the_catalog_stays_away_longer_than_the_lease(ledger: Ledger):
    catalog = CutCatalog(ledger.catalog, after_commit=False)
    cut = Ledger(catalog, HandClock(), ledger.random, ledger.policy)
    context, mark = context_of(cut, claimed(cut)), Mark(ledger)
    catalog.cuts = 1000

    with pytest.raises(LeaseLost):
        context.step("copied", mark)

    assert mark.happened == 0


def test_two_attempts_at_one_step_have_one_effect(ledger: Ledger):
    """The old attempt is inside its step when a new one claims the job; the new one waits for it and finds it done."""
    old, mark = claimed(ledger), Mark(ledger)
    lapse(ledger, old.job_id)
    inside, answers = threading.Event(), []

    def slow(session: Session) -> dict[str, Any]:
        inside.set()
        takeover.join(0.2)
        return mark(session)

    def take_over() -> None:
        inside.wait()
        answers.append(context_of(ledger, claimed(ledger, old.job_id, "worker-2")).step("copied", mark))

    takeover = threading.Thread(target=take_over)
    takeover.start()
    context_of(ledger, old).step("copied", slow)
    takeover.join()

    assert answers == [{"mark": 1}]
    assert mark.happened == 1
