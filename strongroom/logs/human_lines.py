"""Lines for people at a terminal: time, level, message, and the trace that it belongs to."""

import logging
from datetime import datetime

from strongroom.logs.redaction import redact
from strongroom.tracing import get_trace_id


class HumanLines(logging.Formatter):
    """Formats records; what could move the cursor or colour the screen is written as an escape."""

    def format(self, record: logging.LogRecord) -> str:
        """Return one line, and a traceback below it where there is one."""
        moment = datetime.fromtimestamp(record.created).astimezone()
        trace_id = get_trace_id()
        story = f" [{trace_id[:8]}]" if trace_id else ""
        head = f"{moment:%H:%M:%S} {record.levelname:<8} {visible(redact(record.getMessage()))}{story} ({record.name})"
        below = redact(self.formatException(record.exc_info)) if record.exc_info else ""
        return "\n".join([head, *(f"    {visible(line)}" for line in below.splitlines())])


def visible(text: str) -> str:
    """Write line breaks, escape sequences and everything else that is not to be seen as escapes."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)
