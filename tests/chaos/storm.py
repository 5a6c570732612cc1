"""The storm: jobs are asked for and faults strike, both by one seed; then everything is mended and looked at."""

import random
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from strongroom.backup.kinds import RequestedKind
from strongroom.backup.requests import BackupRequest, request_backup
from tests.chaos import inspection, witness
from tests.chaos.brokers import BrokerKind
from tests.chaos.faults import FAULTS, Weather
from tests.chaos.installation import DATABASE, Installation, installation
from tests.chaos.load import SOURCES, Load
from tests.e2e.databases import content

CALM_SECONDS = 120.0
"""For how long no job may end before and after the storm; without faults, a busy machine is a reason to take longer."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Plan:
    """A storm: the seed of all its chances, about how many jobs, how many faults, and in how many seconds."""

    seed: int
    jobs: int
    faults: int
    seconds: float
    broker: BrokerKind


@dataclass(frozen=True, slots=True)
class Report:
    """What the storm did and what is wrong after it."""

    faults: Counter[str]
    jobs: Counter[tuple[str, str]]
    effects: Counter[str]
    restarts: Counter[str]
    lost: tuple[str, ...]
    duplicates: tuple[str, ...]
    violations: tuple[str, ...]
    unsuccessful: tuple[str, ...]
    disagreements: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Say whether nothing was lost, nothing happened twice, and all parts agree."""
        return not any((self.lost, self.duplicates, self.violations, self.unsuccessful, self.disagreements))


def storm(directory: Path, plan: Plan, say: Say) -> Report:
    """Run one storm in a new directory and report."""
    with installation(directory, plan.seed, plan.broker) as site:
        load = Load(site, random.Random(plan.seed), _first_backups(site), content(site.postgres, DATABASE))
        witness.set_up(site.postgres)
        say(f"seed {plan.seed}: {plan.jobs} jobs and {plan.faults} faults in {plan.seconds:.0f} s over {plan.broker}")
        struck = _rage(site, load, plan)
        say("the storm is over; waiting for the jobs")
        _wait(site, lambda: _copied(site))
        return _look(site, load, struck)


def _first_backups(site: Installation) -> dict[str, uuid.UUID]:
    for source in SOURCES:
        request_backup(site.runtime.services(), BackupRequest(source, RequestedKind.FULL, None, "0" * 32))
    _wait(site, lambda: len(inspection.settled_backups(site)) == len(SOURCES))
    return inspection.settled_backups(site)


def _rage(site: Installation, load: Load, plan: Plan) -> Counter[str]:
    """Ask for jobs in one thread and strike in this one; both are evenly spread over the time."""
    asking = threading.Thread(target=_ask, args=(load, plan))
    asking.start()
    weather = Weather(site, random.Random(plan.seed + 1))
    struck: Counter[str] = Counter()
    begun = time.monotonic()
    for number in range(plan.faults):
        time.sleep(max(0.0, begun + number * plan.seconds / plan.faults - time.monotonic()))
        struck[_strike(weather)] += 1
    weather.clear()
    asking.join()
    return struck


def _strike(weather: Weather) -> str:
    """Choose faults until one finds something to break; return its name."""
    while True:
        (fault,) = weather.chance.choices(list(FAULTS), list(FAULTS.values()))
        if fault(weather):
            return fault.__name__


def _ask(load: Load, plan: Plan) -> None:
    wanted = load.plan(plan.jobs)
    begun = time.monotonic()
    for number, request in enumerate(wanted):
        time.sleep(max(0.0, begun + number * plan.seconds / len(wanted) - time.monotonic()))
        load.ask(request, number)


def _copied(site: Installation) -> bool:
    """Say whether the tick that asks for copies has asked for all of them."""
    return not list(inspection.missing_copies(site))


def _wait(site: Installation, complete: Callable[[], bool]) -> None:
    """Wait until every job is over and what is to follow has been asked for, as long as jobs go on ending."""
    left, since = len(inspection.unfinished(site)), time.monotonic()
    while (left or not complete()) and time.monotonic() - since < CALM_SECONDS:
        time.sleep(0.5)
        before, left = left, len(inspection.unfinished(site))
        since = since if left == before else time.monotonic()


def _look(site: Installation, load: Load, struck: Counter[str]) -> Report:
    account = witness.read(site.postgres)
    return Report(
        faults=struck,
        jobs=Counter((job.kind, job.state.value) for job in inspection.jobs(site)),
        effects=account.by_what(),
        restarts=site.keeper.restarts,
        lost=tuple(inspection.lost(site, load)),
        duplicates=tuple(account.duplicates),
        violations=account.violations,
        unsuccessful=tuple(inspection.unsuccessful(site)),
        disagreements=tuple(inspection.disagreements(site, load)),
    )
