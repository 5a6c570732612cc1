"""`strongroom doctor`: what is set up badly, and whether workers answer."""

import importlib
import socket
from typing import TYPE_CHECKING, Any

import click

from strongroom.cli.command import Command, ValueOf
from strongroom.cli.documents import plain
from strongroom.cli.errors import ServiceMissingError
from strongroom.cli.invocation import Invocation
from strongroom.doctor.files import find_open_files
from strongroom.doctor.finding import Finding
from strongroom.doctor.hints import find_hints
from strongroom.doctor.parts import find_missing_parts
from strongroom.doctor.secrets import find_default_secrets
from strongroom.doctor.signs import find_silence
from strongroom.doctor.ways import find_open_ways
from strongroom.errors import ExitCode
from strongroom.jobs.kinds import Queue
from strongroom.jobs.probing import ProbeReport, ProbeVerdict
from strongroom.jobs.processes import ProcessKind

if TYPE_CHECKING:
    from strongroom.services import Services

ANSWER_SECONDS = 5.0
_PLACE = "worker.round_trip"


@click.command(
    "doctor",
    cls=Command,
    examples=("strongroom doctor", "strongroom doctor --worker", "strongroom doctor --alive worker --quiet"),
)
@click.option("--worker", is_flag=True, help="Send a job through queues to a worker and wait 5 s for the answer.")
@click.option("--queue", "queues", multiple=True, type=ValueOf(Queue), help="Only this queue; may be repeated.")
@click.option(
    "--alive",
    type=ValueOf(ProcessKind),
    help="Only whether a process of this kind on this machine gives signs of life.",
)
@click.pass_obj
def doctor(invocation: Invocation, queues: tuple[Queue, ...], alive: ProcessKind | None, *, worker: bool) -> ExitCode:
    """Look for what is set up badly, and say what to do.

    Secrets that are guessed first, key files that others may read, a Redis without a password on the network, debugging
    that is on, a catalog of another version, keys of regions that cannot be opened. Ends with 4 if it finds something.
    Hints do not change that: no channel for alerts, no recovery key, fewer than three regions, an admin without a
    second factor.
    With --worker, ends with 4 when a queue does not answer within 5 seconds although no worker is busy and nobody has
    paused it. --alive is for health checks of containers.
    """
    if (queues and not worker) or (worker and alive):
        raise click.UsageError("--queue goes with --worker, and --alive with neither.")
    hints: list[Finding] = []
    with invocation.services() as services:
        if worker:
            findings = _ask_workers(services, queues or tuple(Queue))
        elif alive:
            silence = find_silence(services.catalog, alive, socket.gethostname())
            findings = [] if silence is None else [silence]
        else:
            findings, hints = _examine(invocation, services), list(find_hints(services))
    _show(invocation, findings, hints)
    return ExitCode.UNHEALTHY if findings else ExitCode.OK


def _examine(invocation: Invocation, services: "Services") -> list[Finding]:
    settings = services.settings
    return [
        *find_default_secrets(settings),
        *find_open_files(settings),
        *find_open_ways(settings, invocation.environment()),
        *find_missing_parts(services),
    ]


def _ask_workers(services: "Services", queues: tuple[Queue, ...]) -> list[Finding]:
    reports: list[ProbeReport] = _service().probe_workers(services, queues, ANSWER_SECONDS)
    return [
        Finding(
            "queue_silent",
            f"No worker answered in the queue {report.queue} within {ANSWER_SECONDS:.0f} s.",
            "See that its worker and the broker run: strongroom status",
        )
        for report in reports
        if report.verdict is ProbeVerdict.SILENT
    ]


def _show(invocation: Invocation, findings: list[Finding], hints: list[Finding]) -> None:
    screen = invocation.screen
    if screen.json:
        found, hinted = ([plain(one) for one in some] for some in (findings, hints))
        screen.document({"healthy": not findings, "findings": found, "hints": hinted})
        return
    for finding in findings:
        screen.line(f"{finding.code}: {finding.what} {finding.next_step}")
    if not findings:
        screen.line("Nothing is wrong.")
    for hint in hints:
        screen.line(f"hint: {hint.code}: {hint.what} {hint.next_step}")


def _service() -> Any:
    try:
        return importlib.import_module(_PLACE)
    except ModuleNotFoundError as error:
        raise ServiceMissingError(
            f"Workers are asked through the service, which is not installed here ({error.name} is missing).",
            next_step="Run this where a worker runs, from its folder; or: strongroom queues probe --all",
        ) from None
