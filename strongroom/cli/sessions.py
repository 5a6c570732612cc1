"""`strongroom sessions`: count one-time sessions, and mend their index.

The library does not know Redis. What speaks to it is part of the service, and is looked for when a command is called:
docs/decisions/0075-where-sessions-are-mended.md.
"""

import importlib
from typing import Any

import click

from strongroom.cli.command import Group
from strongroom.cli.documents import plain
from strongroom.cli.errors import ServiceMissingError
from strongroom.cli.invocation import Invocation

_PLACE = "api.sessions.reindexing"


@click.group("sessions", cls=Group)
def sessions() -> None:
    """Count one-time sessions, and mend their index."""


@sessions.command("stats", examples=("strongroom sessions stats", "strongroom sessions stats --json"))
@click.pass_obj
def stats(invocation: Invocation) -> None:
    """Show how many one-time sessions there are, and all that ever were."""
    with invocation.services() as services:
        counts = _service().count_sessions(services)
        most = services.settings.sessions.max_sessions
    screen = invocation.screen
    if screen.json:
        screen.document({**plain(counts), "max_sessions": most})
        return
    screen.line(f"{counts.total} of {most} sessions, {counts.used} of them used.")
    screen.line(f"Ever: {counts.created_ever} made, {counts.used_ever} used, {counts.refused_ever} refused.")


@sessions.command("reindex", examples=("strongroom sessions reindex",))
@click.pass_obj
def reindex(invocation: Invocation) -> None:
    """Make the index of one-time sessions anew from their records, while they are made and used."""
    with invocation.services() as services:
        done = _service().reindex_sessions(services)
    screen = invocation.screen
    if screen.json:
        screen.document(plain(done))
        return
    screen.line(f"{done.sessions} sessions: {done.added} put into the index, {done.dropped} taken out of it.")


def _service() -> Any:
    try:
        return importlib.import_module(_PLACE)
    except ModuleNotFoundError as error:
        raise ServiceMissingError(
            f"One-time sessions are part of the service, which is not installed here ({error.name} is missing).",
            next_step="Run this where the API runs, from its folder.",
        ) from None
