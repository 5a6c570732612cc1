"""Workers are killed and frozen at random moments, and still every job ends and every effect happens once."""

import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from multiprocessing.context import SpawnProcess

import pytest
from sqlalchemy import select

from strongroom.catalog.heartbeats import Heartbeat
from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.jobs.ledger import Ledger, LedgerPolicy
from strongroom.jobs.sweeper import sweep
from tests.integration.jobs import rivals
from tests.integration.jobs.staging import enqueue, open_ledger, spawn

JOBS = 16
WORKERS = 3
BLOWS = 12
POLICY = LedgerPolicy(lease_seconds=2.0, max_crashes=1000, max_errors=1000)


class Crew:
    """Worker processes, one of which can be struck."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._workers = [self._hire() for _ in range(WORKERS)]

    def _hire(self) -> SpawnProcess:
        worker = spawn.Process(target=rivals.work, args=(self._url, POLICY), daemon=True)
        worker.start()
        return worker

    def kill(self, number: int) -> None:
        self._workers[number].kill()
        self._workers[number].join()
        self._workers[number] = self._hire()

    @contextmanager
    def frozen(self, number: int) -> Iterator[None]:
        pid = self._workers[number].pid
        assert pid is not None
        os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(pid, signal.SIGCONT)

    def dismiss(self) -> None:
        for worker in self._workers:
            worker.kill()
            worker.join()


@pytest.fixture
def crew(catalog_url: str) -> Iterator[Crew]:
    hired = Crew(catalog_url)
    yield hired
    hired.dismiss()


def states(ledger: Ledger) -> Counter[JobState]:
    with ledger.catalog.read() as session:
        return Counter(session.scalars(select(Job.state)))


def all_ended(ledger: Ledger) -> bool:
    return set(states(ledger)) <= FINAL_STATES


def strike(crew: Crew, ledger: Ledger, chance: random.Random) -> None:
    victim = chance.randrange(WORKERS)
    if chance.random() < 0.25:
        with ThreadPoolExecutor() as pool:
            with crew.frozen(victim):
                time.sleep(POLICY.lease_seconds * 1.2)
                # The victim may hold the one write lock of SQLite: then nobody writes before it wakes up.
                sweeping = pool.submit(sweep, ledger)
                wait([sweeping], timeout=POLICY.lease_seconds)
            sweeping.result()
    else:
        crew.kill(victim)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 2])
def test_every_job_ends_and_every_effect_happens_once(catalog_url: str, crew: Crew, seed: int):
    ledger, chance = open_ledger(catalog_url, POLICY), random.Random(seed)
    jobs = [enqueue(ledger) for _ in range(JOBS)]

    blows = 0
    while not all_ended(ledger):
        time.sleep(chance.uniform(0.05, 0.4))
        sweep(ledger)
        if blows < BLOWS:
            blows += 1
            strike(crew, ledger, chance)

    with ledger.catalog.read() as session:
        effects = Counter((row.host, row.kind) for row in session.scalars(select(Heartbeat)))
    ledger.catalog.close()
    assert states(ledger) == {JobState.SUCCEEDED: JOBS}
    assert effects == Counter((str(job_id), step) for job_id in jobs for step in rivals.STEPS)
