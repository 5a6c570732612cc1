"""A worker killed at any call it makes to the home region: nothing is lost, nothing half-made passes for whole."""

import os
from collections.abc import Callable
from functools import partial

import pytest

from strongroom.backup.reconcile import reconcile as reconcile_backups
from strongroom.backup.run import run_backup
from strongroom.catalog.backups import BackupState
from strongroom.catalog.jobs import Job
from strongroom.jobs.context import JobContext
from strongroom.jobs.runner import run_job
from strongroom.jobs.sweeper import sweep
from strongroom.repository.commit import find_commit
from strongroom.testing.stores import Fault, Moment, Operation, sudden_death
from tests.integration.backup.conftest import House


@pytest.mark.parametrize("moment", list(Moment))
@pytest.mark.parametrize("operation", [Operation.PUT, Operation.CREATE, Operation.GET])
def test_a_worker_killed_at_any_call_costs_an_attempt_and_nothing_else(
    small_house: House,
    in_a_process_that_dies: Callable[[Callable[[], object]], bool],
    operation: Operation,
    moment: Moment,
) -> None:
    earlier = small_house.back_up()
    small_house.runtime.close()
    deaths = survivals = 0
    # A call that raises never comes to the moment after it, so one survivor does not mean that there are no more calls.
    while survivals < 3:
        job = small_house.request()
        fault = Fault(operation, sudden_death, nth=deaths + survivals + 1, moment=moment)
        services = small_house.with_faults("eu", [fault])
        if in_a_process_that_dies(partial(small_house.run, job, services)):
            survivals += 1
        else:
            deaths += 1
            take_over(small_house, job)
    assert deaths > 0
    small_house.copy()
    assert small_house.restore(earlier, target="earlier").state == "succeeded"
    assert small_house.restore(job, target="newest").state == "succeeded"
    assert small_house.is_restored("earlier")
    assert small_house.is_restored("newest")


def test_a_worker_killed_after_its_last_step_leaves_a_record_that_the_next_one_does_not_change(
    small_house: House, in_a_process_that_dies: Callable[[Callable[[], object]], bool]
) -> None:
    job = small_house.request()
    services = small_house.services

    def work_and_die(context: JobContext) -> None:
        run_backup(services, context)
        sudden_death()

    small_house.runtime.close()
    assert not in_a_process_that_dies(partial(run_job, services.ledger, job.id, work_and_die, owner="test"))
    recorded = small_house.backup(job)
    assert recorded.state is BackupState.COMMITTED

    take_over(small_house, job)

    found = find_commit(services.open_repository(), services.stores["eu"], "tree", job.id)
    assert found is not None
    assert small_house.backup(job).session_id == recorded.session_id == found.session_id


@pytest.mark.parametrize("packs", [2, 7])
def test_a_killed_backup_goes_on_from_what_it_had_stored(
    small_house: House, in_a_process_that_dies: Callable[[Callable[[], object]], bool], packs: int
) -> None:
    for number in range(40):
        (small_house.tree / f"{number}.bin").write_bytes(os.urandom(400_000))
    job = small_house.request()
    fault = Fault(Operation.PUT, sudden_death, nth=packs + 1, key_prefix="p/")
    services = small_house.with_small_packs(small_house.with_faults("eu", [fault]))
    small_house.runtime.close()
    assert not in_a_process_that_dies(partial(small_house.run, job, services))
    before = {key: size for key, size in stored(small_house, "p/") if size}
    expire_lease(small_house, job)
    sweep(small_house.services.ledger)
    assert small_house.run(job, small_house.with_small_packs(small_house.services)).state == "succeeded"
    again = sum(size for key, size in stored(small_house, "p/") if key not in before)
    content = sum(path.stat().st_size for path in small_house.tree.iterdir())
    assert sum(before.values()) + again - content < 2 * max(before.values()) + 100_000
    assert small_house.objects("eu", "k/") == []
    small_house.restore(job)
    assert small_house.is_restored()


def stored(house: House, prefix: str) -> list[tuple[str, int]]:
    return [(info.key, info.size) for info in house.services.stores["eu"].list(prefix)]


def take_over(house: House, job: Job) -> None:
    """Do what the service does: the lease lapses, the sweeper sends the job again, another worker runs it."""
    expire_lease(house, job)
    assert job.id in sweep(house.services.ledger).requeued
    again = house.run(job)
    assert again.state == "succeeded", again.last_error
    assert house.backup(job).state is BackupState.COMMITTED


def expire_lease(house: House, job: Job) -> None:
    with house.services.catalog.begin() as session:
        session.get_one(Job, job.id).lease_until = house.services.clock.now()


def test_a_commit_that_the_dead_worker_could_not_report_is_adopted_although_the_job_failed(
    small_house: House, in_a_process_that_dies: Callable[[Callable[[], object]], bool]
) -> None:
    job = small_house.request()
    fault = Fault(Operation.CREATE, sudden_death, key_prefix="c/", moment=Moment.AFTER)
    services = small_house.with_faults("eu", [fault])
    small_house.runtime.close()
    assert not in_a_process_that_dies(partial(small_house.run, job, services))
    give_up(small_house, job)
    assert reconcile_backups(small_house.services).adopted == 1
    assert small_house.backup(job).state is BackupState.COMMITTED
    small_house.restore(job)
    assert small_house.is_restored()


def test_what_a_given_up_job_left_is_aborted_and_removed(
    small_house: House, in_a_process_that_dies: Callable[[Callable[[], object]], bool]
) -> None:
    job = small_house.request()
    services = small_house.with_faults("eu", [Fault(Operation.CREATE, sudden_death, key_prefix="c/")])
    small_house.runtime.close()
    assert not in_a_process_that_dies(partial(small_house.run, job, services))
    assert small_house.objects("eu", "p/")
    give_up(small_house, job)
    assert reconcile_backups(small_house.services).aborted == 1
    assert small_house.backup(job).state is BackupState.ABORTED
    for prefix in ("p/", "s/", "m/"):
        assert small_house.objects("eu", prefix) == []


def give_up(house: House, job: Job) -> None:
    """End the job as the sweeper does with one that was to be cancelled."""
    house.services.ledger.request_cancel(job.id)
    expire_lease(house, job)
    assert job.id in sweep(house.services.ledger).cancelled
