"""Looking at every pair: what it comes to is kept in the catalog, and what lasts becomes an alert."""

from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from strongroom.catalog.inserting import lock_row
from strongroom.catalog.standbys import StandbyState, find_standby_state, forget_standbys_but
from strongroom.services import Services
from strongroom.settings import StandbySettings
from strongroom.standby.alerting import alert, forget
from strongroom.standby.judging import Cause, Finding, Verdict, judge, verdict_of
from strongroom.standby.lag import Sample, lag_seconds, with_sample
from strongroom.standby.views import Observation
from strongroom.tracing import same_ids

MOST_AT_A_TIME = 8


@dataclass(frozen=True, slots=True)
class Check:
    """One look at a pair, and what it comes to; `lag` is in seconds."""

    pair: StandbySettings
    seen: Observation
    lag: float | None
    verdict: Verdict
    findings: list[Finding]


def check_standbys(services: Services, names: Sequence[str] = ()) -> list[Check]:
    """Look at the named pairs, by default at all, and say how they are; writes nothing.

    Raises UnknownStandbyError.
    """
    settings = services.settings
    pairs = [settings.get_standby(name) for name in names] or list(settings.standbys.values())
    with services.catalog.read() as session:
        known = {pair.name: samples_of(find_standby_state(session, pair.name)) for pair in pairs}
    return _look(services, pairs, known)


def watch_standbys(services: Services) -> list[Check]:
    """Look at every pair, keep what was seen, and open or clear alerts; any number of processes may do this."""
    pairs = list(services.settings.standbys.values())
    with services.catalog.read() as session:
        known = {pair.name: samples_of(find_standby_state(session, pair.name)) for pair in pairs}
    checks = _look(services, pairs, known)
    for check in checks:
        with services.catalog.begin() as session:
            record(session, check)
    with services.catalog.begin() as session:
        for state in forget_standbys_but(session, [pair.name for pair in pairs]):
            forget(session, state, services.clock.now())
    return checks


def record(session: Session, check: Check) -> None:
    """Keep what was seen, unless somebody has looked later."""
    pair, seen = check.pair, check.seen
    new = {"name": pair.name, "region": pair.region, "verdict": check.verdict.value, "checked_at": seen.at}
    state = lock_row(session, StandbyState, pair.name, **new)
    if state.checked_at > seen.at:
        return
    since = begun(check, {f["cause"]: f["since"] for f in state.findings})
    samples = with_sample(samples_of(state), seen)
    if state.region != pair.region:
        forget(session, state, seen.at)
    _fill(state, check, since, samples)
    session.flush()
    alert(session, check, since)


def begun(check: Check, known: Mapping[str, str]) -> dict[Cause, datetime]:
    """Return since when each finding stands; one that cannot be judged now stands as it did."""
    return {
        finding.cause: datetime.fromisoformat(known[finding.cause]) if finding.cause in known else check.seen.at
        for finding in check.findings
    }


def samples_of(state: StandbyState | None) -> list[Sample]:
    """Return where the primary was at earlier looks."""
    rows = [] if state is None else state.samples
    return [Sample(int(position), datetime.fromisoformat(at)) for position, at in rows]


def describe(finding: Finding) -> dict[str, Any]:
    """Return the form that the catalog and the API show."""
    return {"cause": finding.cause.value, "what": finding.what, "next_step": finding.next_step}


def _look(services: Services, pairs: list[StandbySettings], known: Mapping[str, list[Sample]]) -> list[Check]:
    # One pair whose servers do not answer takes seconds, which the others need not wait for.
    with ThreadPoolExecutor(max(1, min(MOST_AT_A_TIME, len(pairs))), initializer=same_ids()) as threads:
        return list(threads.map(lambda pair: _check(pair, known[pair.name], services), pairs))


def _check(pair: StandbySettings, samples: list[Sample], services: Services) -> Check:
    # The PostgreSQL driver is an extra: an installation without pairs does without.
    from strongroom.standby.observing import observe

    seen = observe(pair, services.clock)
    lag = lag_seconds(samples, seen)
    findings = judge(pair, seen, lag)
    return Check(pair, seen, lag, verdict_of(findings), findings)


def _fill(state: StandbyState, check: Check, since: Mapping[Cause, datetime], samples: list[Sample]) -> None:
    seen = check.seen
    slot = seen.primary.slot if seen.primary else None
    state.region = check.pair.region
    state.verdict = check.verdict.value
    state.checked_at = seen.at
    state.lag_seconds = check.lag
    state.lag_bytes = seen.lag_bytes
    state.timeline = seen.standby.timeline if seen.standby else None
    state.slot = slot.name if slot else None
    state.slot_bytes = slot.held_back if slot else None
    state.findings = [describe(f) | {"since": since[f.cause].isoformat()} for f in check.findings]
    state.samples = [[sample.position, sample.at.isoformat()] for sample in samples]
