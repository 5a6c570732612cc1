"""Jobs of silent holders go back to the queue, and those that kill their holders come to an end."""

import uuid

from strongroom.catalog.jobs import JobState
from strongroom.jobs.ledger import Ledger
from strongroom.jobs.sweeper import BATCH, SweepReport, sweep
from strongroom.jobs.wishes import Wishes
from tests.integration.jobs import rivals
from tests.integration.jobs.staging import at_once, change, claimed, in_processes, lapse

NOTHING = SweepReport()


def test_a_job_with_a_live_lease_is_left_alone(ledger: Ledger):
    claim = claimed(ledger)

    assert sweep(ledger) == NOTHING
    assert ledger.renew(claim) == Wishes()


def test_a_job_with_a_lapsed_lease_is_queued_again(ledger: Ledger):
    claim = claimed(ledger)
    lapse(ledger, claim.job_id)

    assert sweep(ledger) == SweepReport(requeued=(claim.job_id,))

    job = ledger.get(claim.job_id)
    assert (job.state, job.crashes, job.errors, job.published_at) == (JobState.QUEUED, 1, 0, None)
    assert job.fence > claim.fence
    assert claimed(ledger, claim.job_id).fence > job.fence


def test_a_job_that_crashes_every_time_is_dead_at_the_limit(ledger: Ledger):
    claim = claimed(ledger)
    for _ in range(ledger.policy.max_crashes - 1):
        lapse(ledger, claim.job_id)
        assert sweep(ledger).requeued == (claim.job_id,)
        claim = claimed(ledger, claim.job_id)
    lapse(ledger, claim.job_id)

    assert sweep(ledger).dead == (claim.job_id,)

    job = ledger.get(claim.job_id)
    assert (job.state, job.crashes, job.lease_until) == (JobState.DEAD, ledger.policy.max_crashes, None)
    assert job.last_error is not None
    assert job.last_error["code"] == "jobs.poisoned"
    assert ledger.claim(claim.job_id, "worker-1") is None


def test_a_silent_job_that_is_to_be_cancelled_is_cancelled(ledger: Ledger):
    claim = claimed(ledger)
    ledger.request_cancel(claim.job_id)
    change(ledger, claim.job_id, crashes=ledger.policy.max_crashes)
    lapse(ledger, claim.job_id)

    assert sweep(ledger).cancelled == (claim.job_id,)
    assert ledger.get(claim.job_id).state is JobState.CANCELLED


def lapsed_jobs(ledger: Ledger, count: int) -> list[uuid.UUID]:
    claims = [claimed(ledger) for _ in range(count)]
    for claim in claims:
        lapse(ledger, claim.job_id)
    return sorted(claim.job_id for claim in claims)


def test_more_jobs_than_one_batch_are_swept_in_one_go(ledger: Ledger):
    jobs = lapsed_jobs(ledger, BATCH + 1)

    assert sorted(sweep(ledger).requeued) == jobs


def test_sweepers_in_threads_share_the_work(ledger: Ledger):
    jobs = lapsed_jobs(ledger, 30)

    reports = at_once(4, lambda _: sweep(ledger))

    assert sorted(job_id for report in reports for job_id in report.requeued) == jobs
    assert {ledger.get(job_id).crashes for job_id in jobs} == {1}


def test_sweepers_in_processes_share_the_work(ledger: Ledger, catalog_url: str):
    jobs = lapsed_jobs(ledger, 30)

    reports = in_processes(2, rivals.sweep_all, catalog_url)

    assert sorted(job_id for report in reports for job_id in report.requeued) == jobs
    assert {ledger.get(job_id).crashes for job_id in jobs} == {1}


def test_a_sweep_and_a_claim_at_once_count_one_crash(ledger: Ledger):
    jobs = lapsed_jobs(ledger, 10)

    def race(number: int) -> object:
        return sweep(ledger) if number == 0 else [ledger.claim(job_id, "worker-2") for job_id in jobs]

    at_once(2, race)

    assert {ledger.get(job_id).crashes for job_id in jobs} == {1}
