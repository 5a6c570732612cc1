"""`strongroom trace`: the story of one request or job."""

from collections.abc import Mapping

import click

from strongroom.cli.command import Command
from strongroom.cli.documents import plain
from strongroom.cli.figures import moment
from strongroom.cli.invocation import Invocation


@click.command(
    "trace",
    cls=Command,
    examples=(
        "strongroom trace 4bf92f35-77b3-4da6-a3ce-929d0e0e4736",
        "strongroom trace 4bf92f3577b34da6a3ce929d0e0e4736 --json",
    ),
)
@click.argument("trace_id", metavar="ID")
@click.pass_obj
def trace(invocation: Invocation, trace_id: str) -> None:
    """Tell what came of a request, from its trace id.

    Jobs, attempts, objects, copies, alerts and rows of the audit log, oldest first.

    ID is a trace id or a request id, with or without dashes: X-Trace-Id or X-Request-ID of an answer, `trace` of a job
    or of an alert, `trace_id` or `request_id` of a line of the log.
    """
    from strongroom.traces.story import tell_story

    with invocation.services() as services, services.catalog.read() as session:
        story = tell_story(session, trace_id, with_audit=True)
    screen = invocation.screen
    if screen.json:
        screen.document(plain(story))
        return
    screen.line(f"Trace {story.trace_id}")
    for request_id in story.request_ids:
        screen.line(f"Request {request_id}")
    screen.line("")
    rows = [(moment(event.at), event.kind.value, event.what, _ids(event.about)) for event in story.events]
    screen.table(("WHEN", "ABOUT", "WHAT", "IDS"), rows)


def _ids(about: Mapping[str, str]) -> str:
    return " ".join(value for name, value in about.items() if name.endswith("_id"))
