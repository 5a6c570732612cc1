"""`strongroom queues`: see whether queues are served."""

import click

from strongroom.cli.command import Group, ValueOf
from strongroom.cli.dispatch import trace_id_of
from strongroom.cli.documents import plain
from strongroom.cli.invocation import Invocation
from strongroom.cli.screen import Screen
from strongroom.errors import ExitCode
from strongroom.jobs.kinds import Queue
from strongroom.jobs.probing import ProbeReport, ProbeVerdict, probe_queues


@click.group("queues", cls=Group)
def queues() -> None:
    """See whether queues are served."""


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
