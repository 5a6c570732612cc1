"""Writes lines to a stream; a disk that is full costs lines, and nothing else."""

import io
import logging
import os
from typing import TextIO


class DroppingHandler(logging.Handler):
    """Writes each line at once. One that cannot be written is dropped and counted; the next that can says how many."""

    def __init__(self, stream: TextIO) -> None:
        super().__init__()
        self._stream = stream
        self._torn = False
        self.dropped = 0
        """Lines in a row that could not be written."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, or count it."""
        try:
            lines = self._lines(record)
            self._write("".join(f"{line}\n" for line in lines))
        except (OSError, ValueError):
            # ValueError: the stream was closed.
            self.dropped += 1
        else:
            self.dropped = 0

    def _lines(self, record: logging.LogRecord) -> list[str]:
        lost = [_note("log.dropped lines=%d: they could not be written", self.dropped)] if self.dropped else []
        return [self._line(one) for one in (*lost, record)]

    def _line(self, record: logging.LogRecord) -> str:
        try:
            return self.format(record)
        except Exception:
            # A message and arguments that do not fit: what it would have said is lost, where it is said is not.
            where = (record.name, record.module, record.lineno)
            return self.format(_note("log.unreadable logger=%s module=%s line=%d", *where))

    def _write(self, lines: str) -> None:
        try:
            descriptor = self._stream.fileno()
        except (AttributeError, io.UnsupportedOperation):
            self._stream.write(lines)
            self._stream.flush()
            return
        # A line that broke off is ended first, so that it spoils no other one.
        rest = memoryview(("\n" * self._torn + lines).encode("utf-8", "backslashreplace"))
        while rest:
            written = os.write(descriptor, rest)
            rest = rest[written:]
            self._torn = bool(rest)


def is_log_started() -> bool:
    """Say whether this process writes its log already."""
    return any(isinstance(one, DroppingHandler) for one in logging.getLogger().handlers)


def _note(message: str, *arguments: object) -> logging.LogRecord:
    return logging.LogRecord(__name__, logging.ERROR, __file__, 0, message, arguments, None)
