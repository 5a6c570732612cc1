"""Listens to the whole suite for what must be nowhere: tokens, codes and secrets, known by their shapes or when made.

What a test's own process logs, raises as an error of ours, hands to Celery or is sent as spans is looked at during that
test, which fails. What the processes that tests start have written into their logs is looked at when the run ends.
"""

import base64
import logging
import re
import traceback
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

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

LARGEST_LOG = 64 << 20
_DIGITS = re.compile(r"(?<![\w.+:-])\d{6}(?![\w:-])")
"""Six digits that stand by themselves: no part of a time, a number or an id."""
_BODY = re.compile(rb'\\?"body\\?": \\?"([A-Za-z0-9+/=]+)')
"""Where a message of Celery in a broker holds the arguments, in base64."""


def find_secrets(text: str) -> list[str]:
    """Return which kinds of secrets are in a text."""
    return [str(found.lastgroup) for found in SHAPES.finditer(text)]


def find_in_log(path: Path) -> list[str]:
    """Return which kinds of secrets are in a file, and where it is."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > LARGEST_LOG:
        return []
    return [f"{kind} in {path}" for kind in find_secrets(path.read_text(errors="replace"))]


def arguments_of(message: bytes) -> str:
    """Return the arguments of the tasks that a command to a broker carries, readable."""
    with suppress(ValueError):
        return b" ".join(base64.b64decode(body) for body in _BODY.findall(message)).decode(errors="replace")
    return ""


def shows_code(text: str, code: str) -> bool:
    """Say whether a text has a code, and not only its digits inside of a longer number, a time or an id."""
    return code in _DIGITS.findall(text)


class Listener(logging.Handler):
    """Keeps what has the shape of a secret: the kind, where it was and the template, never the secret itself."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.heard: list[str] = []
        self.codes: set[str] = set()
        """What the apps of this test have shown."""

    def emit(self, record: logging.LogRecord) -> None:
        """Look at one record, with the traceback that it carries."""
        text = ""
        with suppress(Exception):
            text = record.getMessage()
        if record.exc_info and record.exc_info[0] is not None:
            text += "".join(traceback.format_exception(*record.exc_info))
        self.hear(f"by {record.name}: {record.msg!s:.80}", text)

    def hear(self, where: str, text: str) -> None:
        """Look at a text of any kind."""
        found = find_secrets(text)
        found += ["code" for digits in _DIGITS.findall(text) if digits in self.codes] if self.codes else []
        self.heard += [f"{kind} {where}" for kind in found]

    def forget(self) -> list[str]:
        """Return what was heard, and begin anew."""
        heard = list(self.heard)
        self.heard.clear()
        self.codes.clear()
        return heard


LISTENER = Listener()
"""The one of this process: what is heard in it is what this process does."""


def _remember_codes(patch: pytest.MonkeyPatch) -> None:
    """Know every code that an app of a test shows."""
    from strongroom.accounts import totp

    show: Callable[..., str] = totp.code_at

    def shown(*arguments: Any, **options: Any) -> str:
        code = show(*arguments, **options)
        LISTENER.codes.add(code)
        return code

    patch.setattr(totp, "code_at", shown)


def _hear_errors(patch: pytest.MonkeyPatch) -> None:
    """Look at the words and details of every error of ours."""
    from strongroom.errors import StrongroomError

    make = StrongroomError.__init__

    def made(self: StrongroomError, what: str, *, next_step: str, **details: Any) -> None:
        make(self, what, next_step=next_step, **details)
        LISTENER.hear(f"in an error: {type(self).__name__}", f"{what} {next_step} {details}")

    patch.setattr(StrongroomError, "__init__", made)


def _hear_task(sender: str, body: Any, headers: Any = None, **_: Any) -> None:
    LISTENER.hear(f"in the arguments of {sender}", f"{body} {headers}")


@pytest.fixture(scope="session")
def listener() -> Iterator[Listener]:
    """What listens to this process for as long as the suite runs."""
    from celery.signals import before_task_publish

    logging.getLogger().addHandler(LISTENER)
    before_task_publish.connect(_hear_task, weak=False)
    with pytest.MonkeyPatch.context() as patch:
        _remember_codes(patch)
        _hear_errors(patch)
        yield LISTENER
    before_task_publish.disconnect(_hear_task)
    logging.getLogger().removeHandler(LISTENER)


@pytest.fixture(autouse=True)
def no_secret_is_told(listener: Listener) -> Iterator[None]:
    """Fail the test during which something was logged, raised, handed over or recorded that is a secret."""
    listener.forget()
    yield
    heard = listener.forget()
    assert not heard, f"Secrets were told: {heard}"


class LogPlugin:
    """Fails the run when a log that a process of it has left behind holds a secret."""

    def __init__(self) -> None:
        self.found: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        """Look at every log below the directories of the tests, those of xdist's workers included."""
        factory = getattr(session.config, "_tmp_path_factory", None)
        base = getattr(factory, "_basetemp", None)
        if base is None:
            return
        self.found = [found for path in sorted(Path(base).rglob("*.log")) for found in find_in_log(path)]
        if self.found:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        """Say where they are."""
        if self.found:
            terminalreporter.section("secrets in logs", red=True)
            for line in self.found:
                terminalreporter.line(line)


def pytest_configure(config: pytest.Config) -> None:
    """Look at logs in the one process that is not an xdist worker."""
    if not hasattr(config, "workerinput"):
        config.pluginmanager.register(LogPlugin(), "strongroom-canaries")
