"""One JSON object a line, always with the same fields; docs/logs.md describes each."""

import json
import logging
import os
import re
import socket
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pythonjsonlogger.json import JsonFormatter

from strongroom import __version__
from strongroom.logs.redaction import redact
from strongroom.tracing import get_ids

LONGEST_LINE = 4000
"""In bytes, with the end of the line less than what a pipe takes at once: lines of several processes stay apart."""
_LONGEST_WORD = 200
_KEPT_OF_THE_BEGINNING = 0.25
"""Of a message that is too long; most of the rest is its end, where a traceback says what went wrong."""

_EVENT = re.compile(r"[a-z][a-z0-9_]*(?:\.[a-z0-9_]+)+(?=[\s:]|$)")
_NOT_IN_A_NAME = re.compile(r"[^a-z0-9_.]+")

FIELDS = (
    "timestamp",
    "level",
    "event",
    "message",
    "logger",
    "service",
    "version",
    "host",
    "pid",
    "trace_id",
    "span_id",
    "request_id",
    "job_id",
    "task_id",
    "user_id",
    "username",
    "duration_s",
    "error.code",
    "error.type",
)
"""All there are, in this order; the first nine are in every line, the others where there is something to say."""


_encode = json.JSONEncoder(default=str).encode
"""Made once: the formatter that this builds on makes an encoder for each line."""


class JsonLines(JsonFormatter):
    """Formats records; `service` names the kind of process."""

    def __init__(self, service: str) -> None:
        super().__init__()
        self._always = {"service": service, "version": __version__, "host": socket.gethostname()}

    def add_fields(self, log_data: dict[str, Any], record: logging.LogRecord, message_dict: dict[str, Any]) -> None:
        """Fill in the fields; what else a record carries is left out, as nobody has looked at it."""
        log_data["timestamp"] = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="microseconds")
        log_data["level"] = record.levelname
        log_data["event"] = event_of(record)
        log_data["message"] = full_message(record.message, message_dict)
        log_data["logger"] = record.name
        log_data |= self._always
        log_data["pid"] = os.getpid()
        log_data |= {name: value for name, value in _sometimes(record).items() if value is not None}

    def process_log_record(self, log_data: dict[str, Any]) -> dict[str, Any]:
        """Take out secrets; nothing is added after this. All other fields are ids and names of our own."""
        log_data["message"] = redact(log_data["message"])
        return log_data

    def serialize_log_record(self, log_data: dict[str, Any]) -> str:
        """Return the line, which is short enough to be written at once; every unusual character is escaped."""
        line = _encode(log_data)
        if len(line) > LONGEST_LINE:
            log_data["message"] = shortened(log_data["message"], len(line) - LONGEST_LINE)
            line = _encode(log_data)
        return line


def event_of(record: logging.LogRecord) -> str:
    """Return the stable name of what happened: given, or at the beginning of the message, or the place in the code."""
    given = getattr(record, "event", None) or _EVENT.match(str(record.msg))
    if given:
        return given if isinstance(given, str) else given[0]
    return _NOT_IN_A_NAME.sub("_", f"{record.name}.{record.funcName}".lower())


def full_message(message: str, more: Mapping[str, Any]) -> str:
    """Return the message with the traceback behind it, where there is one."""
    return "\n".join(filter(None, [message, more.get("exc_info"), more.get("stack_info")]))


def shortened(message: str, excess: int) -> str:
    """Leave out so much of the middle of a message that its line is short enough."""
    # Escaped, a character may be twelve bytes long; a quarter of the limit is left even so.
    kept = max(LONGEST_LINE // 12 // 2, len(message) - excess - 40)
    head = int(kept * _KEPT_OF_THE_BEGINNING)
    left_out = len(message) - kept
    return f"{message[:head]} [{left_out} characters left out] {message[len(message) - (kept - head) :]}"


def _sometimes(record: logging.LogRecord) -> dict[str, Any]:
    ids = get_ids()
    error = record.exc_info[1] if record.exc_info else None
    return {
        "trace_id": ids.trace_id,
        "span_id": getattr(ids.span, "span_id", None),
        "request_id": ids.request_id,
        "job_id": getattr(record, "job_id", ids.job_id),
        "task_id": ids.task_id,
        "user_id": getattr(record, "user_id", ids.user_id),
        "username": getattr(record, "username", ids.username),
        "duration_s": getattr(record, "duration_s", None),
        "error.code": getattr(record, "error_code", getattr(error, "code", None)),
        "error.type": getattr(record, "error_type", type(error).__name__ if error else None),
    }
