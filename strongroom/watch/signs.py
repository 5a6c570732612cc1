"""Whether Beat, workers and the broker give signs of life."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, keep_open
from strongroom.alerts.ticks import find_tick, note_tick
from strongroom.jobs.processes import TICKS, ProcessKind, list_alive

CERTAIN_SECONDS = 25.0
"""Two signs of life and a half: a process that gave one within them lives for certain."""


@dataclass(frozen=True, slots=True)
class Sign:
    """One thing that has to give signs of life, and what to say when it gives none."""

    cause: str
    missing: bool
    message: str
    next_step: str


def look_for_signs(session: Session, silent_seconds: float, now: datetime) -> None:
    """Open an alert for each of them that has been silent for longer, and clear those of the others."""
    for sign in _signs(session, silent_seconds, now):
        if sign.missing:
            keep_open(session, _report(sign, now))
        else:
            clear_alerts(session, cause=sign.cause, now=now, note="It gives signs of life again.")


def _signs(session: Session, silent_seconds: float, now: datetime) -> Sequence[Sign]:
    silent = timedelta(seconds=silent_seconds)
    workers_gone = _is_silent(session, ProcessKind.WORKER, silent, now)
    for_so_long = f"for {silent_seconds:.0f} s"
    return (
        Sign(
            "workers.silent",
            workers_gone,
            f"No worker has answered {for_so_long}",
            "No job runs. Start the workers, or see their logs: make status, strongroom queues probe --all",
        ),
        Sign(
            "beat.silent",
            _is_silent(session, ProcessKind.SCHEDULER, silent, now),
            f"Beat has been silent {for_so_long}",
            "Workers stand in for it. Start Beat again, or see its log: make status",
        ),
        Sign(
            "broker.silent",
            _is_way_shut(session, silent, now),
            f"No tick has come through the broker {for_so_long}",
            "Jobs wait in the ledger. Start the broker, and see whether a worker serves queue control: make status",
        ),
    )


def _is_silent(session: Session, kind: ProcessKind, silent: timedelta, now: datetime) -> bool:
    """Say whether no process of a kind gave a sign for so long; one that ends in order takes its sign along."""
    beats = [process.beat_at for process in list_alive(session, within_seconds=silent.total_seconds(), kind=kind)]
    if beats:
        note_tick(session, f"{kind}.seen", max(beats))
        return False
    seen = find_tick(session, f"{kind}.seen")
    return seen is None or abs(now - seen) >= silent


def _is_way_shut(session: Session, silent: timedelta, now: datetime) -> bool:
    """Say whether workers that were there all the time heard no tick for so long.

    Ticks end with the workers that take them: those that were killed, or have just come back, say nothing of the way.
    """
    within = min(silent.total_seconds(), CERTAIN_SECONDS)
    if not list_alive(session, within_seconds=within, kind=ProcessKind.WORKER):
        note_tick(session, "workers.gone", now)
        return False
    moments = (find_tick(session, TICKS), find_tick(session, "workers.gone"))
    # What lies far ahead was written down before the clock of the database was set back.
    return all(moment is None or abs(now - moment) > silent for moment in moments)


def _report(sign: Sign, now: datetime) -> AlertReport:
    return AlertReport(
        type=AlertType.FAILURE,
        severity=Severity.CRITICAL,
        cause=sign.cause,
        message=sign.message,
        next_step=sign.next_step,
        at=now,
    )
