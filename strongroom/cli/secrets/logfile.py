"""The file of `--logfile`: what was shown, what was logged and what went wrong, each with its time, and no secret."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from strongroom.errors import InvalidInputError
from strongroom.logs.redaction import redact

LINE = "%(asctime)s - %(name)s - %(levelname)s - %(message)s"
LOGGER = "strongroom.cli.secrets"
CONSOLE = "console.strongroom.secrets"
"""What a command shows goes to the file under this name, and nowhere else: it is on the screen already."""


class LogFileError(InvalidInputError):
    """The log file of a command cannot be written."""

    code = "cli.logfile"


class RedactingFormatter(logging.Formatter):
    """Writes a record, its stack trace too, without keys, salts, tokens, passwords in addresses and recovery keys."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the redacted line."""
        return redact(super().format(record))


def named(logfile: str, now: datetime) -> Path:
    """Return the path of the log file; an empty name stands for one with the time in it."""
    return Path(logfile or f"secrets_{now:%Y%m%d_%H%M%S}.log")


@contextmanager
def logging_to(path: Path) -> Iterator[None]:
    """Write to the file, mode 600, what the block shows and logs, and what it fails with; raises LogFileError."""
    handler = _open(path)
    loggers = [logging.getLogger(name) for name in (LOGGER.partition(".")[0], LOGGER, CONSOLE)]
    levels = [logger.level for logger in loggers]
    loggers[0].addHandler(handler)
    loggers[2].addHandler(handler)
    loggers[2].propagate = False
    for logger in loggers[1:]:
        logger.setLevel(logging.INFO)
    try:
        yield
    except Exception:
        logging.getLogger(CONSOLE).exception("The command failed.")
        raise
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.removeHandler(handler)
            logger.setLevel(level)
        handler.close()


def _open(path: Path) -> logging.Handler:
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise LogFileError(
            f"The log file {path} cannot be written: {error.strerror}.",
            next_step="Make its folder, or name a file in the current one: --logfile operation.log",
        ) from None
    handler = logging.StreamHandler(os.fdopen(descriptor, "a", encoding="utf-8"))
    handler.setLevel(logging.INFO)
    handler.setFormatter(RedactingFormatter(LINE))
    return handler
