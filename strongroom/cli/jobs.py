"""`strongroom jobs`: list, follow, cancel, pause, resume and run jobs."""

from collections.abc import Mapping
from typing import Any

import click

from strongroom.catalog.jobs import FINAL_STATES, Job, JobState
from strongroom.cli.backup_report import report_backup
from strongroom.cli.command import Group, ValueOf
from strongroom.cli.documents import row_document
from strongroom.cli.figures import moment
from strongroom.cli.following import follow_job, verify_succeeded
from strongroom.cli.here import copy_here, run_here
from strongroom.cli.invocation import Invocation
from strongroom.cli.job_wishes import CANCEL, PAUSE, RESUME, wish
from strongroom.cli.progress import describe_progress
from strongroom.cli.screen import Screen
from strongroom.cli.waiting import paging_options
from strongroom.errors import ExitCode
from strongroom.ids import parse_id
from strongroom.jobs.kinds import JobKind


@click.group("jobs", cls=Group)
def jobs() -> None:
    """List, follow, cancel, pause, resume and run jobs."""


@jobs.command("list", examples=("strongroom jobs list", "strongroom jobs list --state failed --json"))
@click.option("--state", type=ValueOf(JobState), help="Only jobs in this state.")
@click.option("--kind", type=ValueOf(JobKind), help="Only jobs of this kind.")
@click.option("--source", help="Only jobs of this source.")
@paging_options
@click.pass_obj
def list_jobs(
    invocation: Invocation,
    state: JobState | None,
    kind: JobKind | None,
    source: str | None,
    limit: int,
    cursor: str | None,
) -> None:
    """List jobs, newest first."""
    screen = invocation.screen
    with invocation.services() as services:
        page = services.ledger.list(state=state, kind=kind, source=source, limit=limit, cursor=cursor)
    if screen.json:
        screen.document({"items": [row_document(job) for job in page.items], "next_cursor": page.next_cursor})
        return
    rows = [(str(j.id), j.kind, j.source or "-", moment(j.created_at), describe_job(j)) for j in page.items]
    screen.table(("JOB", "KIND", "SOURCE", "CREATED", "STATE"), rows)
    if page.next_cursor:
        screen.say(f"More with --cursor {page.next_cursor}")


@jobs.command("show", examples=("strongroom jobs show 0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70",))
@click.argument("job_id", metavar="JOB")
@click.pass_obj
def show(invocation: Invocation, job_id: str) -> None:
    """Show everything about JOB."""
    with invocation.services() as services:
        show_job(services.ledger.get(parse_id(job_id, "job")), invocation.screen)


@jobs.command("watch", examples=("strongroom jobs watch 0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70",))
@click.argument("job_id", metavar="JOB")
@click.pass_obj
def watch(invocation: Invocation, job_id: str) -> None:
    """Follow JOB until it has ended; ends with the exit code of the job's own error."""
    with invocation.services() as services:
        _conclude(follow_job(services, parse_id(job_id, "job"), invocation.screen), invocation.screen)


@jobs.command("run", examples=("strongroom jobs run 0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70",))
@click.argument("job_id", metavar="JOB")
@click.pass_obj
def run(invocation: Invocation, job_id: str) -> ExitCode:
    """Run the waiting JOB in this process, without a broker or workers.

    A job that was interrupted goes on where it can. A backup gets its copies too; the command ends with 3 when it is
    partial or a region lacks its copy.
    """
    with invocation.services() as services:
        job = run_here(services, parse_id(job_id, "job"), invocation.screen)
        _conclude(job, invocation.screen)
        if job.kind != JobKind.BACKUP_RUN:
            return ExitCode.OK
        copy_here(services, job.id, invocation.screen)
        return report_backup(services, job.id, invocation.screen, copied=True)


@jobs.command("cancel", examples=("strongroom jobs cancel 0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70",))
@click.argument("job_id", metavar="JOB")
@click.pass_obj
def cancel(invocation: Invocation, job_id: str) -> None:
    """Cancel JOB: at once while it waits, at its next step while it runs.

    A number means a re-encryption with all its jobs, as `strongroom secrets list-jobs` shows it.
    """
    with invocation.services() as services:
        wish(services, job_id, CANCEL, invocation.screen, _cancelled)


@jobs.command(
    "pause", examples=("strongroom jobs pause 0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70", "strongroom jobs pause 1")
)
@click.argument("job_id", metavar="JOB")
@click.pass_obj
def pause(invocation: Invocation, job_id: str) -> None:
    """Pause JOB: at once while it waits, at its next step while it runs.

    It keeps what it has done, and its deadline if it has one. A number means a re-encryption with all its jobs.
    """
    with invocation.services() as services:
        wish(services, job_id, PAUSE, invocation.screen, _paused)


@jobs.command("resume", examples=("strongroom jobs resume 0193a4c2-7b1e-7c5d-9f3a-2b6c8d1e4f70",))
@click.argument("job_id", metavar="JOB")
@click.pass_obj
def resume(invocation: Invocation, job_id: str) -> None:
    """Queue the paused JOB again; it goes on where it can. A number means a re-encryption with all its jobs."""
    with invocation.services() as services:
        wish(services, job_id, RESUME, invocation.screen, lambda job: f"is {describe_job(job)}")


def _cancelled(job: Job) -> str:
    return "is cancelled" if job.state in FINAL_STATES else "stops at its next step"


def _paused(job: Job) -> str:
    return "is paused" if job.state is JobState.PAUSED else "pauses at its next step"


def show_job(job: Job, screen: Screen) -> None:
    """Print everything about one job."""
    if screen.json:
        screen.document(row_document(job))
        return
    facts = {
        "job": str(job.id),
        "kind": job.kind,
        "about": describe_args(job.args),
        "state": describe_job(job),
        "attempts": f"{job.attempt} ({job.errors} of at most {job.max_errors} errors, {job.crashes} crashes)",
        "created": moment(job.created_at),
        "started": moment(job.started_at),
        "finished": moment(job.finished_at),
        "deadline": moment(job.deadline_at),
        "trace": job.trace_id,
    }
    error = job.last_error or {}
    if error:
        facts |= {
            "last error": f"{error.get('message')} ({error.get('code')})",
            "next step": str(error.get("next_step")),
        }
    for name, text in facts.items():
        screen.line(f"{name:<12}{text}")


def describe_args(args: Mapping[str, Any]) -> str:
    """Write on one line what a job was asked for; what was not asked for is left out."""
    said = {name: spell(value) for name, value in args.items() if value is not None and value is not False}
    return ", ".join(name if args[name] is True else f"{name} {text}" for name, text in said.items() if text)


def spell(value: Any) -> str:
    """Write an argument of a job on one line; empty where there is nothing in it."""
    if isinstance(value, dict):
        return " ".join(filter(None, map(spell, value.values())))
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def describe_job(job: Job) -> str:
    """Say where a job stands."""
    if job.state is JobState.QUEUED and job.last_error:
        return f"queued, next attempt {moment(job.run_after)}"
    if job.state is JobState.RUNNING and job.cancel_requested:
        return "running, being cancelled"
    if job.state is JobState.RUNNING and job.pause_requested:
        return "running, being paused"
    return describe_progress(job) if job.state is JobState.RUNNING else job.state.value


def _conclude(job: Job, screen: Screen) -> None:
    verify_succeeded(job)
    if screen.json:
        screen.event("summary", **row_document(job))
    else:
        screen.line(f"Job {job.id} ({job.kind}) has succeeded.")
