"""A span for each statement of the catalog that is part of a request or a job, in processes that export spans."""

from typing import Any

from sqlalchemy import Connection, Engine, event
from sqlalchemy.engine import ExceptionContext

from strongroom.spans.recording import Kind, begin_inside

_SYSTEMS = {"postgresql": "postgresql", "sqlite": "sqlite"}
_LONGEST_TEXT = 2000
_KEY = "_strongroom_span"


def record_statements(engine: Engine) -> None:
    """Record what this engine executes: the text with its placeholders, and never what takes their places."""
    system = _SYSTEMS[engine.dialect.name]

    def before(_connection: Connection, _cursor: Any, statement: str, _parameters: Any, *rest: Any) -> None:
        context, _many = rest
        operation = statement.lstrip().split(None, 1)[0].upper()
        told = {"db.system.name": system, "db.operation.name": operation, "db.query.text": statement[:_LONGEST_TEXT]}
        setattr(context, _KEY, begin_inside(f"{operation} catalog", Kind.CLIENT, told))

    event.listen(engine, "before_cursor_execute", before)
    event.listen(engine, "after_cursor_execute", _after)
    event.listen(engine, "handle_error", _failed)


def _after(_connection: Connection, _cursor: Any, _statement: str, _parameters: Any, *rest: Any) -> None:
    context, _many = rest
    if (span := getattr(context, _KEY, None)) is not None:
        span.end()


def _failed(failure: ExceptionContext) -> None:
    if (span := getattr(failure.execution_context, _KEY, None)) is not None:
        span.fail(type(failure.original_exception).__name__)
        span.end()
