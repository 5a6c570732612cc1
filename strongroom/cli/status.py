"""`strongroom status`: one screen, the worst first."""

from collections.abc import Iterator
from datetime import datetime
from typing import Any

import click

from strongroom.catalog.alerts import Severity
from strongroom.catalog.version import verify_version
from strongroom.cli.command import Command
from strongroom.cli.documents import plain
from strongroom.cli.figures import count, duration, short, size
from strongroom.cli.invocation import Invocation
from strongroom.cli.queues import describe_pause
from strongroom.cli.screen import Screen
from strongroom.errors import ExitCode
from strongroom.levels.measuring import SourceLevels
from strongroom.levels.status import SILENT_SECONDS, DatabaseStatus, LastCheck, RegionStatus, SourceStatus, StatusReport
from strongroom.levels.status import status as ask_status

PRESENT = "present"
WIDEST = 100
"""Characters of a message that fit on one screen; `alerts show` has all of it."""
NAMES = {"worker": "every worker", "scheduler": "Beat", "watcher": "the watcher"}
MISSING = {
    "worker": "No worker has given a sign of life for a minute: no job runs. Start the workers, or see their logs.",
    "scheduler": "No Beat has given a sign of life for a minute: workers stand in for it. Start Beat again.",
    "watcher": "No watcher has given a sign of life for a minute: nobody is told of anything. "
    "Start it: strongroom watch",
}


@click.command("status", cls=Command, examples=("strongroom status", "strongroom status --json --quiet"))
@click.pass_obj
def status(invocation: Invocation) -> ExitCode:
    """Show whether every source is protected, the worst first.

    RPO is what would be lost now, RTO how long a restore of today's size would take, each beside what is promised.
    Ends with 4 when a source is not protected, its last backup or drill failed, a promise is not kept or a backup is
    late, a region fails or holds something damaged or too long unread, a critical alert is open, or no worker, Beat or
    watcher is alive where some process of the service is or has just been.
    """
    with invocation.services() as services:
        with services.catalog.read() as session:
            verify_version(session)
        report, now = ask_status(services), services.clock.now()
    if invocation.screen.json:
        invocation.screen.document(_document(report))
    else:
        _show(report, now, invocation.screen)
    return ExitCode.OK if report.healthy else ExitCode.UNHEALTHY


def _document(report: StatusReport) -> dict[str, Any]:
    """Return what `GET /v1/status` answers with."""
    sources = [
        plain(source) | {name: getattr(source, name) for name in ("healthy", "failing", "overdue")}
        for source in report.sources
    ]
    parts = {
        "sources": sources,
        "regions": [plain(region) | {"healthy": region.healthy} for region in report.regions],
        "standbys": [plain(pair) | {"healthy": pair.healthy} for pair in report.standbys],
        "missing": plain(report.missing),
    }
    verdicts = {name: getattr(report, name) for name in ("schedulers", "scheduler_missing", "healthy")}
    return {**plain(report), **parts, **verdicts}


def _show(report: StatusReport, now: datetime, screen: Screen) -> None:
    screen.line(_verdict(report))
    screen.line("")
    rows = [_row(source, now) for source in report.sources]
    screen.table(
        ("SOURCE", "VERDICT", "LAST BACKUP", "RPO", "RTO", "DRILL", "#SIZE", "COPIES", "NEXT RUN", "NOW"), rows
    )
    for source in report.sources:
        if source.database is not None:
            screen.line(f"{source.name}: {describe_database(source.database)}.")
    screen.line("")
    _show_alerts(report, now, screen)
    checks = [_region_row(region, report, now) for region in report.regions]
    screen.table(("REGION", "VERDICT", "PRESENT", "READ BACK", "#DAMAGED", "#OVERDUE"), checks)
    screen.line("")
    _show_rest(report, screen)


def _show_alerts(report: StatusReport, now: datetime, screen: Screen) -> None:
    if not report.open_alerts:
        return
    rows = [
        (alert.id, alert.severity.value, alert.state.value, _ago(alert.since, now), _shortened(alert.message))
        for alert in report.alerts
    ]
    screen.table(("ALERT", "SEVERITY", "STATE", "SINCE", "MESSAGE"), rows)
    if (more := sum(report.open_alerts.values()) - len(rows)) > 0:
        screen.line(f"{count(more, 'more alert')}: strongroom alerts list")
    screen.line("")


def _show_rest(report: StatusReport, screen: Screen) -> None:
    for pair in report.standbys:
        lag = "" if pair.lag_seconds is None else f", {duration(pair.lag_seconds)} behind"
        screen.line(" ".join([f"Standby {pair.name}: {pair.verdict}{lag}.", *pair.findings]))
    for region, fault in sorted(report.region_faults.items()):
        screen.line(f"Region {region} cannot be relied on: {fault}")
    for queue in report.paused_queues:
        screen.line(f"Warning: {describe_pause(queue)} {count(queue.waiting, 'job')} of it waiting.")
    jobs = ", ".join(f"{number} {state}" for state, number in sorted(report.jobs.items()))
    screen.line(f"Jobs: {jobs or 'none yet'}.")
    screen.line(f"Processes: {_processes(report)}.")
    for kind in report.missing:
        screen.line(MISSING[kind])
    if report.schedulers > 1:
        screen.line(f"{report.schedulers} Beats are alive; one is enough, more do no harm.")


def describe_database(database: DatabaseStatus) -> str:
    """Say where a database that RDS runs is, and what would take over."""
    standby = ", ".join(database.standbys) or ("in another zone" if database.several_zones else "NONE")
    words = [database.status, f"at {database.zone or 'no one place'}", f"standby {standby}"]
    words += [f"replicas {', '.join(database.replicas)}"] if database.replicas else []
    words += [f"not seen since: {database.fault}"] if database.fault else []
    return ", ".join(words)


def _verdict(report: StatusReport) -> str:
    if not report.sources:
        return "No sources are configured yet."
    return next(_complaints(report), "Every source is protected.")


def _complaints(report: StatusReport) -> Iterator[str]:
    """Yield what is wrong, the worst first."""
    ill = [source for source in report.sources if not source.healthy]
    lost = sum(not pair.healthy for pair in report.standbys)
    unwell = sum(not region.healthy for region in report.regions)
    if ill:
        yield f"{len(ill)} of {count(len(report.sources), 'source')} {_ailment(ill)}."
    if report.region_faults:
        yield f"{count(len(report.region_faults), 'region')} cannot be relied on."
    if unwell:
        yield f"{count(unwell, 'region')} with something damaged, or too long not read back."
    if lost:
        yield f"{lost} of {count(len(report.standbys), 'standby', 'standbys')} not known to follow."
    if report.missing:
        yield f"Every source is protected, but {NAMES[report.missing[0]]} is missing."
    if critical := report.open_alerts.get(Severity.CRITICAL):
        yield f"Every source is protected, but {count(critical, 'critical alert')} open."


def _ailment(ill: list[SourceStatus]) -> str:
    if any(not source.protected or source.partial or source.last_error is not None for source in ill):
        return "not protected"
    return "failing in a drill" if any(source.failing for source in ill) else "overdue"


def _row(source: SourceStatus, now: datetime) -> tuple[str, ...]:
    age = "never" if source.age_seconds is None else f"{short(source.age_seconds)} ago"
    doing = f"job {source.running_job}" if source.running_job else source.last_error or source.late or ""
    return (
        source.name,
        verdict(source),
        age,
        *_level_cells(source.levels, now),
        size(source.size) if source.backup_id else "-",
        _copies(source),
        "-" if source.next_run is None else f"in {short(max(0.0, (source.next_run - now).total_seconds()))}",
        doing,
    )


def _copies(source: SourceStatus) -> str:
    """Say how many regions hold the backup, and by name only those that do not."""
    others = [f"{region} {state}" for region, state in source.regions.items() if state != PRESENT]
    if not source.regions:
        return "-"
    return f"{len(source.regions) - len(others)} of {len(source.regions)}{''.join(f', {other}' for other in others)}"


def _level_cells(levels: SourceLevels, now: datetime) -> tuple[str, str, str]:
    """Write what is measured beside what is promised: loss, time of a restore, and the last drill."""
    loss = "-" if levels.protected_age_seconds is None else short(levels.protected_age_seconds)
    time = "-" if levels.forecast_seconds is None else short(levels.forecast_seconds)
    return f"{loss} of {short(levels.rpo_seconds)}", f"{time} of {short(levels.rto_seconds)}", _last_drill(levels, now)


def _last_drill(levels: SourceLevels, now: datetime) -> str:
    if levels.last_drill is None:
        return "never"
    return f"{'passed' if levels.last_drill.passed else 'FAILED'} {_ago(levels.last_drill.at, now)}"


def _region_row(region: RegionStatus, report: StatusReport, now: datetime) -> tuple[str, ...]:
    ill = "DAMAGED" if region.damaged_backups else "UNREAD" if region.overdue_packs else "ok"
    return (
        region.name,
        "FAILING" if region.name in report.region_faults else ill,
        _checked(region.presence, now),
        _checked(region.sample, now),
        f"{region.damaged_backups:,}",
        f"{region.overdue_packs:,}",
    )


def _checked(last: LastCheck | None, now: datetime) -> str:
    return "never" if last is None else f"{_ago(last.at, now)}{'' if last.passed else ' DAMAGE'}"


def _ago(when: datetime, now: datetime) -> str:
    return f"{short(max(0.0, (now - when).total_seconds()))} ago"


def _shortened(text: str) -> str:
    return text if len(text) <= WIDEST else f"{text[: WIDEST - 3]}..."


def verdict(source: SourceStatus) -> str:
    """Say in a word or two how a source is; never by colour alone."""
    if source.last_error is not None:
        return "FAILING"
    if source.backup_id is None:
        return "NO BACKUP"
    if not source.protected:
        return "NOT PROTECTED"
    if source.failing:
        return "DRILL FAILED"
    if source.overdue:
        return "OVERDUE" if source.late else ", ".join(f"{breach.name} BROKEN" for breach in source.levels.breaches)
    return "PARTIAL" if source.partial else "ok"


def _processes(report: StatusReport) -> str:
    if not report.processes:
        return "none has reported"
    parts = []
    for process in report.processes:
        silent = f" (silent for {duration(process.silent_seconds)})" if process.silent_seconds > SILENT_SECONDS else ""
        parts.append(f"{process.name}{silent}")
    return ", ".join(parts)
