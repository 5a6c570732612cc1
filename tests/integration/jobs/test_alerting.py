"""The end of a job opens and clears alerts in the same transaction."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from strongroom.catalog.alerts import Alert, AlertNotice, AlertState, AlertType, Severity
from strongroom.catalog.dbtime import utcnow
from strongroom.catalog.jobs import Job, JobState
from strongroom.errors import UnavailableError
from strongroom.jobs.failures import JobFailure
from strongroom.jobs.kinds import JobKind
from strongroom.jobs.ledger import Ledger, LedgerPolicy
from strongroom.jobs.sweeper import sweep
from tests.integration.jobs.staging import TRACE_ID, JobRequest, change, claimed, enqueue, lapse, open_ledger

GONE = JobFailure.of(UnavailableError("The disk is gone.", next_step="Put it back."))
PERMANENT = JobFailure("source.gone", "The directory is gone.", "Make it again.", retryable=False)


def wanted(kind: JobKind = JobKind.BACKUP_RUN, **args: str) -> JobRequest:
    return JobRequest(kind=kind, args={"source": "shop", **args}, trace_id=TRACE_ID, source="shop")


def alerts(ledger: Ledger) -> list[Alert]:
    with ledger.catalog.read() as session:
        return list(session.scalars(select(Alert).order_by(Alert.id)))


@pytest.mark.parametrize(
    ("kind", "cause"), [(JobKind.RETENTION_RUN, "retention.failed"), (JobKind.RETENTION_LOCK, "lock.failed")]
)
def test_a_run_of_retention_that_fails_is_an_alert_until_one_succeeds(ledger: Ledger, kind: JobKind, cause: str):
    request = JobRequest(kind=kind, args={}, trace_id=TRACE_ID)
    ledger.fail(claimed(ledger, enqueue(ledger, request)), PERMANENT)
    assert [(alert.cause, alert.state) for alert in alerts(ledger)] == [(cause, AlertState.OPEN)]

    ledger.finish(claimed(ledger, enqueue(ledger, request)), {})

    assert [alert.state for alert in alerts(ledger)] == [AlertState.RESOLVED]


def test_a_failed_backup_opens_a_critical_alert_in_the_words_of_the_requirement(ledger: Ledger):
    job = enqueue(ledger, wanted())
    ledger.fail(claimed(ledger, job), PERMANENT)

    [alert] = alerts(ledger)
    assert (alert.type, alert.severity, alert.state) == (AlertType.FAILURE, Severity.CRITICAL, AlertState.OPEN)
    assert (alert.message, alert.cause, alert.source) == ("Backup failed: shop", "backup.failed", "shop")
    assert (alert.backup_id, alert.job_id, alert.trace_id) == (job, job, TRACE_ID)
    assert alert.next_step == f"The directory is gone. Make it again. See: strongroom jobs show {job}"
    with ledger.catalog.read() as session:
        assert session.scalars(select(AlertNotice.alert_id)).all() == [alert.id]


def test_a_failure_that_names_what_the_catalog_cannot_keep_is_recorded_all_the_same(ledger: Ledger):
    odd = JobFailure("source.gone", "The file b\udcffr\0 is gone.", "Look.", retryable=False)
    job = enqueue(ledger, wanted())
    ledger.fail(claimed(ledger, job), odd)

    assert ledger.get(job).state is JobState.FAILED
    [alert] = alerts(ledger)
    assert alert.next_step.startswith("The file b\\xffr\\0 is gone. Look.")


def test_a_failure_that_is_tried_again_opens_nothing(ledger: Ledger):
    ledger.fail(claimed(ledger, enqueue(ledger, wanted())), GONE)

    assert alerts(ledger) == []


def test_a_job_whose_worker_vanishes_every_time_opens_its_alert(ledger: Ledger):
    job = enqueue(ledger, wanted())
    for _ in range(ledger.policy.max_crashes):
        claimed(ledger, job)
        lapse(ledger, job)
        sweep(ledger)

    assert ledger.get(job).state is JobState.DEAD
    assert [alert.message for alert in alerts(ledger)] == ["Backup failed: shop"]


def test_a_job_that_waits_past_its_deadline_opens_its_alert(ledger: Ledger):
    job = enqueue(ledger, wanted())
    change(ledger, job, deadline_at=utcnow(-1))
    sweep(ledger)

    assert [alert.message for alert in alerts(ledger)] == ["Backup failed: shop"]


def test_a_failure_whose_commit_is_repeated_is_counted_once(ledger: Ledger):
    claim = claimed(ledger, enqueue(ledger, wanted()))
    ledger.fail(claim, PERMANENT)
    ledger.fail(claim, PERMANENT)

    assert [alert.count for alert in alerts(ledger)] == [1]


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        (JobKind.RESTORE_RUN, "Restore failed: shop"),
        (JobKind.REPLICATION_COPY, "Copy failed: shop in eu"),
        (JobKind.VERIFICATION_RUN, "Verification failed: shop in eu"),
    ],
)
def test_other_kinds_open_their_own(ledger: Ledger, kind: JobKind, message: str):
    ledger.fail(claimed(ledger, enqueue(ledger, wanted(kind, region="eu"))), PERMANENT)

    assert [alert.message for alert in alerts(ledger)] == [message]


def test_the_success_of_the_same_source_and_region_clears_it(ledger: Ledger):
    for region in ("eu", "us"):
        ledger.fail(claimed(ledger, enqueue(ledger, wanted(JobKind.REPLICATION_COPY, region=region))), PERMANENT)
    job = enqueue(ledger, wanted(JobKind.REPLICATION_COPY, region="eu"))
    ledger.finish(claimed(ledger, job), {})

    assert {a.region: a.state for a in alerts(ledger)} == {"eu": AlertState.RESOLVED, "us": AlertState.OPEN}
    assert alerts(ledger)[0].resolution == f"Job {job} succeeded."


def test_a_cancelled_job_opens_and_clears_nothing(ledger: Ledger):
    ledger.fail(claimed(ledger, enqueue(ledger, wanted())), PERMANENT)
    ledger.cancel(claimed(ledger, enqueue(ledger, wanted())))

    assert [(alert.state, alert.count) for alert in alerts(ledger)] == [(AlertState.OPEN, 1)]


def test_a_backup_of_over_twice_the_expected_time_is_a_delay_until_one_is_in_time(catalog_url: str):
    ledger = open_ledger(catalog_url, LedgerPolicy(expected_seconds={"shop": 600.0}))
    late = claimed(ledger, enqueue(ledger, wanted()))
    with ledger.catalog.begin() as session:
        session.get_one(Job, late.job_id).started_at = ledger.clock.now() - timedelta(seconds=1205)
    ledger.finish(late, {})

    [alert] = alerts(ledger)
    assert (alert.type, alert.severity) == (AlertType.DELAY, Severity.HIGH)
    assert (alert.message, alert.cause) == ("Backup took longer than expected: shop", "backup.slow")

    ledger.finish(claimed(ledger, enqueue(ledger, wanted())), {})
    assert alerts(ledger)[0].state is AlertState.RESOLVED
    ledger.catalog.close()


def test_twice_the_expected_time_is_still_in_time(catalog_url: str):
    ledger = open_ledger(catalog_url, LedgerPolicy(expected_seconds={"shop": 600.0}))
    claim = claimed(ledger, enqueue(ledger, wanted()))
    with ledger.catalog.begin() as session:
        session.get_one(Job, claim.job_id).started_at = ledger.clock.now() - timedelta(seconds=1190)
    ledger.finish(claim, {})

    assert alerts(ledger) == []
    ledger.catalog.close()
