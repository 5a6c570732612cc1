"""One fault at a time, with real processes: every job ends once, and its effect happens once."""

import os
import signal
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest

from strongroom.catalog.jobs import FINAL_STATES
from strongroom.errors import UnavailableError
from strongroom.jobs.outbox import publish_due
from strongroom.jobs.sweeper import sweep
from strongroom.testing.postgres import ScratchPostgres
from tests.integration.worker.conftest import eventually, made_site, started_servers

MIB = 1 << 20
FREEZE_SECONDS = 30


class Ticks:
    """What Beat and the worker of the ticks do, done by the test, so that a fault hits nothing else."""

    def __init__(self, site):
        ledger = site.runtime.ledger
        self.site = site
        # Messages that were lost are sent again after a minute in an installation.
        self.ledger = replace(ledger, policy=replace(ledger.policy, republish_base_seconds=2.0))
        self.publisher = site.publisher()

    def go(self):
        with suppress(UnavailableError):
            sweep(self.ledger)
            publish_due(self.ledger, self.publisher)

    def until(self, condition):
        def look():
            self.go()
            with suppress(UnavailableError):
                return condition()
            return False

        eventually(look)

    def until_all_end(self, jobs):
        self.until(lambda: all(self.site.state_of(job) in FINAL_STATES for job in jobs))


def film(site, mib=6):
    """Return a backup that takes some seconds."""
    (site.directory / "archive" / "film.bin").write_bytes(os.urandom(mib * MIB))
    return site.request_backup("archive")


def commits(site):
    """Return how many backups the region holds."""
    return len([path for path in (site.directory / "regions/here/c").glob("*/*") if path.is_file()])


def assert_each_happened_once(site, jobs, *, crashes=0, errors=0):
    ended = [site.runtime.ledger.get(job.id) for job in jobs]
    assert {job.state.value for job in ended} == {"succeeded"}
    assert max(job.errors for job in ended) <= errors
    assert sum(job.crashes for job in ended) == crashes
    assert commits(site) == len(jobs)


def pool_processes(worker):
    return [int(pid) for pid in Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()]


def begin(site, start_worker):
    """Return the ticks, a worker with a long job in hand, and that job."""
    ticks, worker = Ticks(site), start_worker("backup")
    job = film(site)
    ticks.until(lambda: site.state_of(job) == "running")
    return ticks, worker, job


def test_a_pool_process_that_is_killed_is_replaced(site, start_worker):
    ticks, worker, job = begin(site, start_worker)

    killed = pool_processes(worker)
    for pid in killed:
        os.kill(pid, signal.SIGKILL)
    eventually(lambda: not any(Path(f"/proc/{pid}/cmdline").exists() for pid in killed))
    site.lapse(job)
    later = site.request_backup()
    ticks.until_all_end([job, later])

    assert worker.pid is not None
    assert_each_happened_once(site, [job, later], crashes=1)


def test_another_worker_takes_over_from_one_that_is_killed(site, start_worker):
    ticks, worker, job = begin(site, start_worker)

    os.killpg(worker.pid, signal.SIGKILL)
    eventually(lambda: worker.pid is None)
    site.lapse(job)
    start_worker("backup", "--name", "other")
    ticks.until_all_end([job])

    assert_each_happened_once(site, [job], crashes=1)


def restart(broker):
    broker.stop()
    broker.start()


def power_cut(broker):
    broker.kill()
    broker.start()


def lose_everything(broker):
    broker.kill()
    for kept in broker.server.directory.glob("appendonlydir/*"):
        kept.unlink()
    broker.start()


def empty(broker):
    with broker.client() as client:
        client.flushall()


# RabbitMQ 3.10 forgets a queue whose server is killed within minutes of its making.
ON_BROKERS = [("valkey", fault) for fault in (restart, power_cut, lose_everything, empty)] + [("rabbitmq", restart)]


@pytest.mark.parametrize(("broker", "fault"), ON_BROKERS, indirect=["broker"])
def test_a_fault_of_the_broker_loses_and_repeats_nothing(site, start_worker, fault):
    ticks, _, job = begin(site, start_worker)
    waiting = [site.request_backup() for _ in range(3)]
    ticks.go()

    fault(site.broker)
    jobs = [job, *waiting, site.request_backup()]
    ticks.until_all_end(jobs)

    assert_each_happened_once(site, jobs)


@pytest.mark.slow
def test_brokers_that_stand_still_lose_and_repeat_nothing(
    tmp_path, sqlite_catalog_url, postgres_catalog_url, valkey, rabbitmq, start_worker_at
):
    (tmp_path / "second").mkdir()
    with (
        made_site(tmp_path, sqlite_catalog_url, valkey) as first,
        made_site(tmp_path / "second", postgres_catalog_url, rabbitmq) as second,
    ):
        sites = {site: Ticks(site) for site in (first, second)}
        for site in sites:
            start_worker_at(site, "backup")
        jobs = {site: film(site) for site in sites}
        for site, ticks in sites.items():
            ticks.until(lambda site=site: site.state_of(jobs[site]) == "running")
        for number, seconds in ((signal.SIGSTOP, FREEZE_SECONDS), (signal.SIGCONT, 0)):
            for site in sites:
                os.kill(site.broker.server.pid, number)
            time.sleep(seconds)

        for site, ticks in sites.items():
            both = [jobs[site], site.request_backup()]
            ticks.until_all_end(both)
            assert_each_happened_once(site, both)


def test_a_catalog_that_restarts_loses_and_repeats_nothing(tmp_path, valkey, start_worker_at):
    with ScratchPostgres(durable=True) as postgres:
        postgres.create_database("catalog")
        with made_site(tmp_path, postgres.url("catalog"), valkey) as site:
            ticks = Ticks(site)
            start_worker_at(site, "backup")
            job = film(site)
            ticks.until(lambda: site.state_of(job) == "running")

            postgres.stop(immediate=True)
            postgres.start()
            later = site.request_backup()
            ticks.until_all_end([job, later])

            # An attempt that asked while nobody answered is tried again.
            assert_each_happened_once(site, [job, later], errors=1)


def test_a_message_that_comes_after_the_end_does_nothing(site, start_worker):
    ticks, job = Ticks(site), site.request_backup()
    start_worker("backup")
    ticks.until_all_end([job])

    for _ in range(2):
        ticks.publisher.app.send_task("backup.run", kwargs={"job_id": str(job.id)}, queue="backup")
    last = site.request_backup()
    ticks.until_all_end([last])

    assert_each_happened_once(site, [job, last])
    assert site.runtime.ledger.get(job.id).attempt == 1


@pytest.mark.parametrize("broker", ["valkey"], indirect=True)
def test_two_beats_do_no_harm_and_one_that_dies_is_not_missed(site, start_worker, start_beat):
    start_worker("control")
    start_worker("backup")
    first, second = start_beat("beat-1"), start_beat("beat-2")
    eventually(lambda: site.status().schedulers == 2)
    jobs = [site.request_backup() for _ in range(3)]
    eventually(lambda: all(site.state_of(job) in FINAL_STATES for job in jobs))

    first.kill()
    jobs.append(site.request_backup())
    eventually(lambda: site.state_of(jobs[-1]) in FINAL_STATES)

    assert second.pid is not None
    assert_each_happened_once(site, jobs)


def test_workers_send_the_ticks_when_beat_is_dead(tmp_path, sqlite_catalog_url, valkey, start_worker_at):
    with made_site(tmp_path, sqlite_catalog_url, valkey) as site, started_servers() as start:
        control = start(site, "control", "tests.integration.worker.hasty", "control")
        start_worker_at(site, "backup")
        assert site.status().scheduler_missing
        assert not site.status().healthy

        job = site.request_backup()
        eventually(lambda: site.state_of(job) == "succeeded")

        assert "this worker sends the ticks" in control.log.read_text()
