"""The story of a trace: request, job, attempts, and what they left, in order of time."""

import uuid
from collections.abc import Iterator

import pytest
from sqlalchemy import select

from strongroom.catalog.alert_messages import AlertDelivery, DeliveryState
from strongroom.catalog.alerts import Alert, NoticeReason
from strongroom.catalog.dbtime import database_now
from strongroom.jobs.errors import BrokerUnavailableError
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.runner import RunOutcome, run_claimed, run_job
from strongroom.jobs.sweeper import sweep
from strongroom.traces.errors import TraceIdError, TraceNotFoundError
from strongroom.traces.story import TraceStory, tell_story
from strongroom.tracing import bind
from tests.integration.jobs.staging import TRACE_ID, claimed, enqueue, lapse, make_due, open_ledger

REQUEST_ID = "fedcba9876543210fedcba9876543210"
DASHED = "01234567-89AB-CDEF-0123-456789ABCDEF"


@pytest.fixture
def ledger(catalog_url: str) -> Iterator[Ledger]:
    opened = open_ledger(catalog_url)
    yield opened
    opened.catalog.close()


def story(ledger: Ledger, wanted: str = TRACE_ID, *, with_audit: bool = True) -> TraceStory:
    with ledger.catalog.read() as session:
        return tell_story(session, wanted, with_audit=with_audit)


def told(ledger: Ledger, *, with_audit: bool = True) -> list[str]:
    return [event.what for event in story(ledger, with_audit=with_audit).events]


def asked_for(ledger: Ledger) -> uuid.UUID:
    with bind(request_id=REQUEST_ID):
        return enqueue(ledger)


def test_a_job_that_goes_well_is_told_from_its_request_to_its_end(ledger: Ledger):
    run_job(ledger, asked_for(ledger), lambda _: {}, owner="worker-1")

    assert told(ledger) == [
        "a request asked for a job",
        "backup.run of ledgers was asked for",
        "attempt 1 of backup.run began",
        "backup.run of ledgers succeeded",
    ]


def test_who_asked_is_named(ledger: Ledger):
    with bind(user_id="17", username="anna"):
        asked_for(ledger)
    assert told(ledger)[:2] == ["a request of anna asked for a job", "backup.run of ledgers was asked for"]
    assert told(ledger, with_audit=False)[0] == "a request asked for a job"
    assert "anna" not in str(story(ledger, with_audit=False))


def test_whoever_gave_a_command_is_named(ledger: Ledger):
    with bind(user_id="0", username="root@vault-1"):
        enqueue(ledger)
    assert told(ledger) == ["backup.run of ledgers was asked for by root@vault-1"]
    assert told(ledger, with_audit=False) == ["backup.run of ledgers was asked for"]


def test_a_worker_that_is_lost_and_one_that_fails_stand_in_the_story(ledger: Ledger):
    job_id = asked_for(ledger)
    claimed(ledger, job_id, "worker-1")
    lapse(ledger, job_id)
    sweep(ledger)

    def fail(_: object) -> dict[str, object]:
        raise BrokerUnavailableError("The broker is away.", next_step="Start it.")

    assert run_job(ledger, job_id, fail, owner="worker-2") is RunOutcome.RETRYING
    make_due(ledger, job_id)
    assert run_job(ledger, job_id, lambda _: {}, owner="worker-3") is RunOutcome.SUCCEEDED

    assert told(ledger) == [
        "a request asked for a job",
        "backup.run of ledgers was asked for",
        "attempt 1 of backup.run began",
        "attempt 1 of backup.run was lost: its worker was not heard of any more",
        "attempt 2 of backup.run began",
        f"attempt 2 of backup.run failed ({BrokerUnavailableError.code})",
        "attempt 3 of backup.run began",
        "backup.run of ledgers succeeded",
    ]
    owners = [event.about.get("owner") for event in story(ledger).events if event.what.startswith("attempt")]
    assert owners == [None, "worker-1", "worker-2", "worker-2", "worker-3"]


def test_a_lapsed_lease_that_another_attempt_takes_before_the_sweeper_is_told_too(ledger: Ledger):
    claim = claimed(ledger)
    lapse(ledger, claim.job_id)
    again = ledger.claim(claim.job_id, "worker-2")
    assert again is not None

    run_claimed(ledger, again, lambda _: {})

    assert told(ledger)[1:] == [
        "attempt 1 of backup.run began",
        "attempt 1 of backup.run was lost: its worker was not heard of any more",
        "attempt 2 of backup.run began",
        "backup.run of ledgers succeeded",
    ]


def test_a_failed_job_leads_to_its_alert(ledger: Ledger):
    claim = claimed(ledger)
    ledger.fail(
        claim, JobFailure("sources.gone", "The directory is gone.", "Bring it back.", retryable=False, exit_code=1)
    )

    kinds = [event.kind.value for event in story(ledger).events]
    # The last three are one transaction, and told as one leads to the other.
    assert kinds == ["job", "attempt", "attempt", "job", "alert"]
    assert "attempt 1 of backup.run failed (sources.gone)" in told(ledger)


def test_who_was_told_of_an_alert_and_who_took_care_stand_in_the_story(ledger: Ledger):
    claim = claimed(ledger)
    ledger.fail(claim, JobFailure("sources.gone", "Gone.", "Bring it back.", retryable=False, exit_code=1))
    with ledger.catalog.begin() as session:
        alert = session.scalars(select(Alert)).one()
        now = database_now(session)
        for channel, state in (("mail", DeliveryState.SENT), ("pager", DeliveryState.DEAD)):
            session.add(
                AlertDelivery(
                    id=uuid.uuid4(),
                    alert_id=alert.id,
                    group_id=uuid.uuid4(),
                    channel=channel,
                    reason=NoticeReason.OPENED,
                    payload={},
                    state=state,
                    due_at=now,
                    created_at=now,
                    finished_at=now,
                )
            )
        alert.acknowledged_at = alert.resolved_at = now
        alert.acknowledged_by, alert.resolved_by = "anna", "ben"
        cause = alert.cause

    assert {
        "message (opened) to channel mail was sent",
        "message (opened) to channel pager was given up",
        f"alert {cause} acknowledged by anna",
        f"alert {cause} resolved by ben",
    } <= set(told(ledger))
    assert told(ledger)[-1] == f"alert {cause} resolved by ben"


@pytest.mark.parametrize("wanted", [TRACE_ID, DASHED, f" {DASHED}\n", REQUEST_ID, str(uuid.UUID(REQUEST_ID))])
def test_a_story_is_found_by_either_id_in_any_spelling(ledger: Ledger, wanted: str):
    asked_for(ledger)

    found = story(ledger, wanted)

    assert (found.trace_id, found.request_ids) == (TRACE_ID, (REQUEST_ID,))


def test_what_is_no_id_is_told_apart_from_what_is_not_there(ledger: Ledger):
    with pytest.raises(TraceNotFoundError):
        story(ledger)
    for nonsense in ("", "abc", "' OR 1=1", "0" * 33, "g" * 32):
        with pytest.raises(TraceIdError):
            story(ledger, nonsense)
