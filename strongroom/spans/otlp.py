"""Spans by OpenTelemetry, sent by OTLP over HTTP. Imported only where an endpoint is set; needs the extra `otel`."""

import threading
from typing import Any

from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import IdGenerator, RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision, ParentBased, Sampler, SamplingResult
from opentelemetry.trace import (
    Link,
    NonRecordingSpan,
    SpanContext,
    SpanKind,
    Status,
    StatusCode,
    TraceFlags,
    format_span_id,
    format_trace_id,
    set_span_in_context,
)
from opentelemetry.trace import Span as OtelSpan

from strongroom import __version__
from strongroom.spans.recording import Attributes, Caller, Kind, Value
from strongroom.tracing import get_ids, get_trace_id

_KINDS = {
    Kind.INTERNAL: SpanKind.INTERNAL,
    Kind.SERVER: SpanKind.SERVER,
    Kind.CLIENT: SpanKind.CLIENT,
    Kind.PRODUCER: SpanKind.PRODUCER,
    Kind.CONSUMER: SpanKind.CONSUMER,
}


class StoryIds(IdGenerator):
    """Gives a trace the id that it has in logs, in the catalog and in the answer to the caller."""

    def __init__(self) -> None:
        self._random = RandomIdGenerator()

    def generate_span_id(self) -> int:
        """Return a new one."""
        return self._random.generate_span_id()

    def generate_trace_id(self) -> int:
        """Return the one of the present work."""
        trace_id = get_trace_id()
        return int(trace_id, 16) if trace_id else self._random.generate_trace_id()


class OwnChoice(Sampler):
    """Decides whether a trace is exported as the settings say, and by nothing that a caller chose.

    A sampler for a share of traces goes by the trace id, which is the caller's; it is asked about another one instead.
    """

    def __init__(self, chosen: Sampler) -> None:
        self._chosen = chosen
        self._random = RandomIdGenerator()

    def should_sample(
        self,
        parent_context: Context | None,
        trace_id: int,
        name: str,
        *about: Any,
        **more: Any,
    ) -> SamplingResult:
        """Return the decision for a span that begins a trace here."""
        return self._chosen.should_sample(None, self._random.generate_trace_id(), name, *about, **more)

    def samples(self) -> bool:
        """Say whether one more trace is to be exported."""
        result = self.should_sample(None, 0, "")
        return result.decision is Decision.RECORD_AND_SAMPLE

    def get_description(self) -> str:
        """Return what it is."""
        return f"OwnChoice({self._chosen.get_description()})"


class OtlpSpan:
    """A span of OpenTelemetry."""

    def __init__(self, inner: OtelSpan) -> None:
        self.inner = inner
        context = inner.get_span_context()
        self.trace_id = format_trace_id(context.trace_id)
        self.span_id = format_span_id(context.span_id)
        self.traceparent = f"00-{self.trace_id}-{self.span_id}-{int(context.trace_flags):02x}"

    def rename(self, name: str) -> None:
        """Change the name."""
        self.inner.update_name(name)

    def note(self, name: str, value: Value) -> None:
        """Add an attribute."""
        self.inner.set_attribute(name, value)

    def fail(self, error_type: str) -> None:
        """Say that it did not go well; of the error the type alone, as its text may say what it was about."""
        self.inner.set_attribute("error.type", error_type)
        self.inner.set_status(Status(StatusCode.ERROR))

    def end(self) -> None:
        """End it."""
        self.inner.end()


class OtlpRecorder:
    """Records spans and sends them from a thread of its own; what the collector does not take is lost, and logged."""

    def __init__(self, service: str) -> None:
        resource = Resource.create(
            {"service.namespace": "strongroom", "service.name": service, "service.version": __version__}
        )
        # Everything else is as the OTEL_ variables say; the library reads them.
        self._provider = TracerProvider(resource=resource, id_generator=StoryIds(), shutdown_on_exit=False)
        self._choice = OwnChoice(self._provider.sampler)
        self._provider.sampler = ParentBased(root=self._choice)
        self._provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
        self._tracer = self._provider.get_tracer("strongroom", __version__)

    def begin(self, name: str, kind: Kind, attributes: Attributes, caller: Caller | None) -> OtlpSpan:
        """Begin a span; what led to it and is of another trace is linked instead."""
        ids = get_ids()
        parent, links = Context(), []
        led_here = self._context_of(caller) if caller else _context_of_span(ids.span)
        if led_here is not None:
            if ids.trace_id in (None, format_trace_id(led_here.trace_id)):
                parent = set_span_in_context(NonRecordingSpan(led_here), Context())
            else:
                links = [Link(led_here)]
        return OtlpSpan(self._tracer.start_span(name, parent, _KINDS[kind], attributes=dict(attributes), links=links))

    def close(self, seconds: float) -> None:
        """Send what is left and end; what a collector has not taken within `seconds` is lost."""
        # By itself the library may wait for half a minute, which a process that is to end does not have.
        last = threading.Thread(target=self._provider.shutdown, name="last-spans", daemon=True)
        last.start()
        last.join(seconds)

    def _context_of(self, caller: Caller) -> SpanContext:
        # Whether callers want their trace exported is theirs to say of their spans, not of ours.
        sampled = self._choice.samples() if caller.sampled is None else caller.sampled
        flags = TraceFlags(TraceFlags.SAMPLED if sampled else TraceFlags.DEFAULT)
        return SpanContext(int(caller.trace_id, 16), int(caller.span_id, 16), is_remote=True, trace_flags=flags)


def _context_of_span(span: object) -> SpanContext | None:
    return span.inner.get_span_context() if isinstance(span, OtlpSpan) else None
