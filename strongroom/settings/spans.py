"""Whether processes export spans, as the variables of OpenTelemetry say, whose library reads all the others itself."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from pydantic import Field

from strongroom.settings.fields import Flag, Section
from strongroom.settings.findings import Findings

ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
PROTOCOLS = ("OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
PROTOCOL = "http/protobuf"


class SpanSettings(Section):
    """Export of spans."""

    exported: Flag = Field(False, description="Whether an endpoint is set and nothing turns the export off.")
    service_name: str | None = Field(None, description="What collectors call every process, in place of its kind.")


def read_spans(env: Mapping[str, str], findings: Findings) -> SpanSettings:
    """Return what the environment says; notes values that are not understood."""
    for variable in ENDPOINTS:
        if (address := env.get(variable, "")) and urlsplit(address).scheme not in ("http", "https"):
            findings.add_variable(variable, "This is no http:// or https:// address.", "Write http://HOST:4318.")
    for variable in PROTOCOLS:
        if env.get(variable, PROTOCOL) != PROTOCOL:
            findings.add_variable(variable, "Spans are sent by no other protocol.", f"Write {PROTOCOL} or unset it.")
    off = env.get("OTEL_SDK_DISABLED", "").strip().lower() == "true" or env.get("OTEL_TRACES_EXPORTER") == "none"
    named = any(env.get(variable) for variable in ENDPOINTS)
    return SpanSettings(exported=named and not off, service_name=env.get("OTEL_SERVICE_NAME") or None)
