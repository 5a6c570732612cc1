"""Has a process write its log: its own lines, those of the libraries it uses, and what ends it unforeseen."""

import logging
import sys
import threading
from types import TracebackType
from typing import Literal, TextIO

from strongroom.logs.handler import DroppingHandler
from strongroom.logs.human_lines import HumanLines
from strongroom.logs.json_lines import JsonLines

OURS = ("strongroom", "api", "worker", "tasks", "stack")
TALKATIVE = ("sqlalchemy", "alembic", "botocore", "boto3", "s3transfer", "urllib3", "httpx", "httpcore", "asyncio")
"""They tell every statement or request at INFO, and rows, headers and bodies at DEBUG."""

log = logging.getLogger(__name__)


LogFormat = Literal["auto", "json", "human"]
"""`auto` is for people on a terminal and JSON everywhere else."""


def start_log(service: str, level: str, form: LogFormat, stream: TextIO | None = None) -> None:
    """Write everything of at least a level to a stream, by default stderr; a second time replaces the first.

    `service` names the kind of process. At DEBUG only Strongroom's own lines say more: libraries would print rows,
    headers and keys.
    """
    stream = stream or sys.stderr
    handler = DroppingHandler(stream)
    human = form == "human" or (form == "auto" and stream.isatty())
    handler.setFormatter(HumanLines() if human else JsonLines(service))
    root = logging.getLogger()
    # Handlers of others stay, unless they print the same lines a second time.
    root.handlers = [one for one in root.handlers if type(one) not in (DroppingHandler, logging.StreamHandler)]
    root.addHandler(handler)
    least = logging.getLevelNamesMapping()[level]
    root.setLevel(max(least, logging.INFO))
    for name in OURS:
        logging.getLogger(name).setLevel(least)
    for name in TALKATIVE:
        logging.getLogger(name).setLevel(max(least, logging.WARNING))
    _listen_to_the_end()


def _listen_to_the_end() -> None:
    """Have warnings of Python and errors that nobody catches stand in the log as lines like all others."""
    logging.captureWarnings(capture=True)
    sys.excepthook = _note_uncaught
    threading.excepthook = _note_uncaught_in_thread


def _note_uncaught(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
    if issubclass(kind, KeyboardInterrupt):
        return
    log.critical("process.failed: nobody caught this", exc_info=(kind, error, traceback))


def _note_uncaught_in_thread(failure: threading.ExceptHookArgs) -> None:
    if failure.exc_value is None or failure.exc_type is SystemExit:
        return
    name = failure.thread.name if failure.thread else "-"
    told = (failure.exc_type, failure.exc_value, failure.exc_traceback)
    log.critical("thread.failed name=%s: nobody caught this", name, exc_info=told)
