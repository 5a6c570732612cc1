"""Whether Beat, workers and the broker give signs of life."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from strongroom.alerts.opening import AlertReport, AlertType, Severity, clear_alerts, keep_open
from strongroom.alerts.ticks import find_tick
from strongroom.jobs.processes import TICKS, ProcessKind, list_alive


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
    alive = {heartbeat.kind for heartbeat in list_alive(session, within_seconds=silent_seconds)}
    last = find_tick(session, TICKS)
    stale = last is None or now - last > timedelta(seconds=silent_seconds)
    workers = ProcessKind.WORKER in alive
    for_so_long = f"for {silent_seconds:.0f} s"
    return (
        Sign(
            "workers.silent",
            not workers,
            f"No worker has answered {for_so_long}",
            "No job runs. Start the workers, or see their logs: make status, strongroom queues probe --all",
        ),
        Sign(
            "beat.silent",
            ProcessKind.SCHEDULER not in alive,
            f"Beat has been silent {for_so_long}",
            "Workers stand in for it. Start Beat again, or see its log: make status",
        ),
        Sign(
            "broker.silent",
            workers and stale,
            f"No tick has come through the broker {for_so_long}",
            "Jobs wait in the ledger. Start the broker, and see whether a worker serves queue control: make status",
        ),
    )


def _report(sign: Sign, now: datetime) -> AlertReport:
    return AlertReport(
        type=AlertType.FAILURE,
        severity=Severity.CRITICAL,
        cause=sign.cause,
        message=sign.message,
        next_step=sign.next_step,
        at=now,
    )
