"""A log of a test's own, written to a stream."""

import io
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from strongroom.logs.handler import DroppingHandler
from strongroom.logs.json_lines import JsonLines


@pytest.fixture
def written() -> io.StringIO:
    """What the log has written."""
    return io.StringIO()


@contextmanager
def logging_to(handler: logging.Handler) -> Iterator[logging.Logger]:
    logger = logging.getLogger("strongroom.tests.lines")
    logger.addHandler(handler)
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    yield logger
    logger.removeHandler(handler)
    logger.propagate = True


@pytest.fixture
def log_with(written: io.StringIO) -> Iterator[Callable[[logging.Formatter], logging.Logger]]:
    """Return a logger that writes with a formatter."""
    handler = DroppingHandler(written)

    def formatted(formatter: logging.Formatter) -> logging.Logger:
        handler.setFormatter(formatter)
        return logger

    with logging_to(handler) as logger:
        yield formatted


@pytest.fixture
def log(log_with: Callable[[logging.Formatter], logging.Logger]) -> logging.Logger:
    """Return a logger that writes JSON."""
    return log_with(JsonLines("tests"))
