"""`strongroom status`: one screen, the worst first."""

from collections.abc import Iterator

import click

from strongroom.cli.command import Command
from strongroom.cli.documents import plain
from strongroom.cli.figures import count, duration, moment, short, size
from strongroom.cli.invocation import Invocation
from strongroom.cli.queues import describe_pause
from strongroom.cli.screen import Screen
from strongroom.errors import ExitCode
from strongroom.levels.measuring import SourceLevels
from strongroom.levels.status import SILENT_SECONDS, DatabaseStatus, LastCheck, RegionStatus, SourceStatus, StatusReport
from strongroom.levels.status import status as ask_status


@click.command("status", cls=Command, examples=("strongroom status", "strongroom status --json --quiet"))
@click.pass_obj
def status(invocation: Invocation) -> ExitCode:
    """Show whether every source is protected, the worst first.

    RPO is what would be lost now, RTO how long a restore of today's size would take, each beside what is promised.
    Ends with 4 when a source is not protected, its last backup or drill failed, a promise is not kept or a backup is
    late, a region fails or holds something damaged or too long unread, or Beat is missing.
    """
    with invocation.services() as services:
        report = ask_status(services)
    if invocation.screen.json:
        verdicts = {"schedulers": report.schedulers, "scheduler_missing": report.scheduler_missing}
        invocation.screen.document(plain(report) | verdicts | {"healthy": report.healthy})
    else:
        _show(report, invocation.screen)
    return ExitCode.OK if report.healthy else ExitCode.UNHEALTHY


def _show(report: StatusReport, screen: Screen) -> None:
    screen.line(_verdict(report))
    screen.line("")
    rows = [_row(source) for source in report.sources]
    screen.table(
        ("SOURCE", "VERDICT", "LAST BACKUP", "RPO", "RTO", "DRILL", "#SIZE", "COPIES", "NEXT RUN", "NOW"), rows
    )
    for source in report.sources:
        if source.database is not None:
            screen.line(f"{source.name}: {describe_database(source.database)}.")
    screen.line("")
    screen.table(("REGION", "PRESENT", "READ BACK", "#DAMAGED", "#OVERDUE"), [_region_row(r) for r in report.regions])
    screen.line("")
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
    if report.scheduler_missing:
        screen.line("No Beat has given a sign of life for a minute: workers stand in for it. Start Beat again.")
    elif report.schedulers > 1:
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
    if report.scheduler_missing:
        yield "Every source is protected, but Beat is missing."


def _ailment(ill: list[SourceStatus]) -> str:
    if any(not source.protected or source.partial or source.last_error is not None for source in ill):
        return "not protected"
    return "failing in a drill" if any(source.failing for source in ill) else "overdue"


def _row(source: SourceStatus) -> tuple[str, ...]:
    age = "never" if source.age_seconds is None else f"{duration(source.age_seconds)} ago"
    copies = ", ".join(f"{region} {state}" for region, state in source.regions.items())
    now = f"job {source.running_job}" if source.running_job else source.last_error or source.late or ""
    return (
        source.name,
        verdict(source),
        age,
        *level_cells(source.levels),
        size(source.size) if source.backup_id else "-",
        copies or "-",
        _soon(source),
        now,
    )


def level_cells(levels: SourceLevels) -> tuple[str, str, str]:
    """Write what is measured beside what is promised: loss, time of a restore, and the last drill."""
    loss = "-" if levels.protected_age_seconds is None else short(levels.protected_age_seconds)
    time = "-" if levels.forecast_seconds is None else short(levels.forecast_seconds)
    return f"{loss} of {short(levels.rpo_seconds)}", f"{time} of {short(levels.rto_seconds)}", _last_drill(levels)


def _last_drill(levels: SourceLevels) -> str:
    if levels.last_drill is None:
        return "never"
    return f"{'passed' if levels.last_drill.passed else 'FAILED'} {moment(levels.last_drill.at)}"


def _region_row(region: RegionStatus) -> tuple[str, ...]:
    return (
        region.name,
        _checked(region.presence),
        _checked(region.sample),
        f"{region.damaged_backups:,}",
        f"{region.overdue_packs:,}",
    )


def _checked(last: LastCheck | None) -> str:
    return "never" if last is None else f"{moment(last.at)}{'' if last.passed else ' DAMAGE'}"


def _soon(source: SourceStatus) -> str:
    return "-" if source.next_run is None else moment(source.next_run)


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
