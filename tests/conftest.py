"""Makes the services in tests/services available to every test as fixtures."""

import logging
import signal
import sys
import threading
from collections.abc import Iterator

import pytest

from strongroom.logs.handler import DroppingHandler
from strongroom.logs.starting import OURS, TALKATIVE

pytest_plugins = [
    "tests.services.canaries",
    "tests.services.run",
    "tests.services.valkey",
    "tests.services.moto",
    "tests.services.aws",
    "tests.services.postgres",
    "tests.services.catalog",
    "tests.services.loud",
    "tests.services.mariadb",
    "tests.services.memory",
    "tests.services.operators",
    "tests.services.proxy",
    "tests.services.rabbitmq",
    "tests.services.rgw",
    "tests.services.sentinel",
    "tests.services.skip_qkd",
]


def pytest_configure() -> None:
    """Take Ctrl-C as usual: a shell that starts the run in the background has every child ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def log_as_in_a_fresh_process() -> Iterator[None]:
    """Undo what commands and services that run in this process set for all of it: what is logged, how and where to."""
    hooks = sys.excepthook, threading.excepthook
    forget_settings_of_the_log()
    yield
    forget_settings_of_the_log()
    sys.excepthook, threading.excepthook = hooks


def forget_settings_of_the_log() -> None:
    """Have it as a process has that has set nothing; handlers of pytest stay."""
    root = logging.getLogger()
    root.handlers = [one for one in root.handlers if not isinstance(one, DroppingHandler)]
    root.setLevel(logging.WARNING)
    for name in (*OURS, *TALKATIVE):
        logging.getLogger(name).setLevel(logging.NOTSET)
    logging.captureWarnings(capture=False)
