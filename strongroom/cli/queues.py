"""`strongroom queues`: list, pause, resume and probe queues."""

from typing import Any

import click

from strongroom.cli.actor import actor
from strongroom.cli.command import Group, ValueOf
from strongroom.cli.dispatch import trace_id_of
from strongroom.cli.documents import plain
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.errors import ExitCode
from strongroom.jobs.kinds import Queue
from strongroom.jobs.probing import ProbeReport, ProbeVerdict, probe_queues
from strongroom.jobs.queues import QueueStatus, list_queues, pause_queue, resume_queue
from strongroom.services import Services


@click.group("queues", cls=Group)
def queues() -> None:
    """List, pause, resume and probe queues."""


@queues.command("list", examples=("strongroom queues list", "strongroom queues list --json"))
@click.pass_obj
def list_command(invocation: Invocation) -> None:
    """Show how many jobs wait in each queue and run from it, and which are paused."""
    screen = invocation.screen
    with invocation.services() as services, services.catalog.read() as session:
        found = list_queues(session)
    if screen.json:
        screen.document({"items": [queue_document(queue) for queue in found]})
        return
    rows = [(queue.queue.value, str(queue.waiting), str(queue.running), _pause(queue)) for queue in found]
    screen.table(("QUEUE", "#WAITING", "#RUNNING", "PAUSED"), rows)


@queues.command("pause", examples=('strongroom queues pause backup --reason "disk is being replaced"',))
@click.argument("queue", type=ValueOf(Queue))
@click.option("--reason", required=True, help="Why, for those who find it paused.")
@click.pass_obj
def pause(invocation: Invocation, queue: Queue, reason: str) -> None:
    """Let no further job of QUEUE begin; those that run go on."""
    with invocation.services() as services:
        with services.catalog.begin() as session:
            pause_queue(session, queue, by=actor(), reason=reason)
        _show_queue(services, queue, invocation.screen)


@queues.command("resume", examples=("strongroom queues resume backup",))
@click.argument("queue", type=ValueOf(Queue))
@click.pass_obj
def resume(invocation: Invocation, queue: Queue) -> None:
    """Let the jobs of QUEUE begin again."""
    with invocation.services() as services:
        with services.catalog.begin() as session:
            resume_queue(session, queue)
        _show_queue(services, queue, invocation.screen)


@queues.command("probe", examples=("strongroom queues probe --all", "strongroom queues probe backup --timeout 60"))
@click.argument("names", metavar="[QUEUE]...", nargs=-1, type=ValueOf(Queue))
@click.option("--all", "every", is_flag=True, help="Probe every queue.")
@click.option(
    "--timeout", type=click.FloatRange(min=1), default=30.0, show_default=True, help="Seconds to wait for the answers."
)
@click.pass_obj
def probe(invocation: Invocation, names: tuple[Queue, ...], timeout: float, *, every: bool) -> ExitCode:
    """Send a job through each QUEUE and show how long it took: to the broker, to a worker, and at work.

    Ends with 4 when a queue is silent: no answer, and no worker at work on it.
    """
    if every == bool(names):
        raise click.UsageError("Name the queues, or say --all.")
    with invocation.services() as services:
        wanted = list(Queue) if every else list(dict.fromkeys(names))
        reports = probe_queues(services.ledger, wanted, seconds=timeout, trace_id=trace_id_of(services))
    show_probes(reports, invocation.screen)
    silent = any(report.verdict is ProbeVerdict.SILENT for report in reports)
    return ExitCode.UNHEALTHY if silent else ExitCode.OK


def describe_pause(queue: QueueStatus) -> str:
    """Say who paused a queue, when and why."""
    return f"queue {queue.queue} is paused since {moment(queue.paused_at)} by {queue.paused_by}: {queue.reason}."


def queue_document(queue: QueueStatus) -> dict[str, Any]:
    """Return a queue as `--json` prints it."""
    return {**plain(queue), "paused": queue.paused}


def _show_queue(services: Services, queue: Queue, screen: Screen) -> None:
    with services.catalog.read() as session:
        found = next(status for status in list_queues(session) if status.queue is queue)
    if screen.json:
        screen.document(queue_document(found))
        return
    text = describe_pause(found) if found.paused else f"queue {queue} is not paused."
    screen.line(text[0].upper() + text[1:])


def _pause(queue: QueueStatus) -> str:
    return f"{moment(queue.paused_at)} by {queue.paused_by}: {queue.reason}" if queue.paused else "-"


def show_probes(reports: list[ProbeReport], screen: Screen) -> None:
    """Print what the probes found."""
    if screen.json:
        screen.document({"items": [plain(report) for report in reports]})
        return
    rows = [
        (
            report.queue.value,
            *map(_milliseconds, (report.handed_over, report.taken, report.worked, report.total)),
            report.verdict.value,
        )
        for report in reports
    ]
    screen.table(("QUEUE", "#TO BROKER ms", "#TO WORKER ms", "#AT WORK ms", "#TOTAL ms", "VERDICT"), rows)


def _milliseconds(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds * 1000:.0f}"
