"""Listens to every log of the suite for what must never be in one: tokens, codes and secrets, known by their shapes."""

import logging
import re
import traceback
from collections.abc import Iterator
from contextlib import suppress

import pytest

SHAPES = re.compile(
    r"(?P<login>eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{20,})"
    r"|(?P<service>strongroom_[a-z]+_[0-9A-Za-z]{43}_[0-9A-Za-z]{6})"
    r"|(?P<session>session_id=[\w-]{20,})"
    r"|(?P<enrolment>otpauth://)"
    r"|(?P<secret>\b[A-Z2-7]{32}\b)"
    r"|(?P<backup>\b[0-9A-HJKMNP-TV-Z]{4}(?:-[0-9A-HJKMNP-TV-Z]{4}){5}\b)"
    r"|(?P<password>correct horse battery staple)"
)
"""Tokens of logins and of machines, ids of one-time sessions, secrets of apps, backup codes, the tests' password."""


def find_secrets(text: str) -> list[str]:
    """Return which kinds of secrets are in a text."""
    return [str(found.lastgroup) for found in SHAPES.finditer(text)]


class Listener(logging.Handler):
    """Keeps what has the shape of a secret: the kind, who logged it and the template, never the secret itself."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record, with the traceback that it carries."""
        text = ""
        with suppress(Exception):
            text = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            text += "".join(traceback.format_exception(*record.exc_info))
        self.heard += [f"{kind} by {record.name}: {record.msg!s:.80}" for kind in find_secrets(text)]


@pytest.fixture(scope="session")
def listener() -> Iterator[Listener]:
    """What listens to all loggers of this process for as long as the suite runs."""
    listening = Listener()
    logging.getLogger().addHandler(listening)
    yield listening
    logging.getLogger().removeHandler(listening)


@pytest.fixture(autouse=True)
def no_secret_is_logged(listener: Listener) -> Iterator[None]:
    """Fail the test during which something was logged that looks like a secret."""
    listener.heard.clear()
    yield
    heard = list(listener.heard)
    listener.heard.clear()
    assert not heard, f"Secrets in the log: {heard}"
