"""A span for each call to S3 that is part of a job, in processes that export spans."""

from collections.abc import Mapping
from typing import Any

from strongroom.spans.recording import Kind, begin_inside

_KEY = "strongroom_span"


def record_calls(client: Any, region: str | None) -> None:
    """Record what this client asks for: which operation on which bucket, and how it was answered."""
    events = client.meta.events
    where = {"strongroom.region": region} if region else {}

    def before(model: Any, params: Mapping[str, Any], context: dict[str, Any], **_: Any) -> None:
        told = {"rpc.system": "aws-api", "rpc.service": "S3", "rpc.method": model.name, **where}
        context[_KEY] = begin_inside(f"S3.{model.name}", Kind.CLIENT, told)

    events.register_last("before-call.s3", before)
    events.register("after-call.s3", _after)
    events.register("after-call-error.s3", _failed)


def _after(http_response: Any, context: dict[str, Any], **_: Any) -> None:
    if (span := context.pop(_KEY, None)) is not None:
        span.note("http.response.status_code", http_response.status_code)
        if http_response.status_code >= 500:
            span.fail(str(http_response.status_code))
        span.end()


def _failed(exception: Exception, context: dict[str, Any], **_: Any) -> None:
    if (span := context.pop(_KEY, None)) is not None:
        span.fail(type(exception).__name__)
        span.end()
