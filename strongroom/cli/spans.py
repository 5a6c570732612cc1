"""The span of a command, where an endpoint for spans is set."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from strongroom.audit.acting import find_actor
from strongroom.cli.acts import COMMAND

if TYPE_CHECKING:
    from strongroom.settings.spans import SpanSettings

SERVICE = "command"

log = logging.getLogger(__name__)


@contextmanager
def recorded(settings: "SpanSettings", process: str | None = None) -> Iterator[None]:
    """Record a block as the span of the command that is given, and export it with what is below.

    A command that stays, which `process` names, begins spans of its own. Raises SpansUnavailableError for that one.
    """
    if not settings.exported:
        yield
        return
    from strongroom.spans.recording import span
    from strongroom.spans.starting import SpansUnavailableError, start_spans, stop_spans

    try:
        start_spans(settings.service_name or process or SERVICE)
    except SpansUnavailableError as error:
        if process is not None:
            raise
        # Whoever restores in an emergency shall not be kept by a variable of the machine.
        log.warning("%s %s", error.what, error.next_step)
    try:
        if process is not None:
            yield
            return
        with span(_name()):
            yield
    finally:
        stop_spans()


def _name() -> str:
    actor = find_actor()
    return f"strongroom {actor.operation.removeprefix(COMMAND)}" if actor else "strongroom"
