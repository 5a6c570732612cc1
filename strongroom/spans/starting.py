"""Has a process export its spans. Only then is anything of OpenTelemetry imported."""

import logging
from typing import TYPE_CHECKING

from strongroom.errors import StrongroomError
from strongroom.spans.recording import record_with

if TYPE_CHECKING:
    from strongroom.spans.otlp import OtlpRecorder

log = logging.getLogger(__name__)


class SpansUnavailableError(StrongroomError):
    """An endpoint for spans is set, and the extra that sends them there is not installed."""

    code = "spans.not_installed"


SECONDS_FOR_THE_LAST = 3.0
"""How long a process that ends waits for a collector that does not answer."""
_running: "OtlpRecorder | None" = None


def start_spans(service: str) -> None:
    """Export spans from now on; after a fork, never before, as what sends them is a thread. `stop_spans` ends it.

    Raises SpansUnavailableError.
    """
    global _running
    try:
        from strongroom.spans.otlp import OtlpRecorder
    except ImportError as error:
        raise SpansUnavailableError(
            f"OTEL_EXPORTER_OTLP_ENDPOINT is set, and OpenTelemetry is not installed: {error.name}.",
            next_step="Install `strongroom[otel]`, or unset the variable.",
        ) from error
    _running = OtlpRecorder(service)
    record_with(_running)
    log.info("spans.exported: spans of this process go to the collector")


def stop_spans() -> None:
    """Send what is left, and cease to record."""
    global _running
    record_with(None)
    if _running is not None:
        _running.close(SECONDS_FOR_THE_LAST)
    _running = None
