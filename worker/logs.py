"""The log of what Celery runs: workers, Beat and Flower write the same lines as every other process."""

import logging
from typing import Any

from celery import signals
from celery.utils.log import get_multiprocessing_logger

from strongroom.logs.handler import is_log_started
from strongroom.logs.starting import start_log
from worker.settings import read_settings


def connect() -> None:
    """Have Celery leave logging alone: by itself it would replace handlers, and turn what is printed into lines."""
    signals.setup_logging.connect(_start_unless_started, weak=False)


def start(service: str) -> None:
    """Write the log of a process as the settings say; raises ConfigError."""
    settings = read_settings().logs
    start_log(service, settings.level, settings.format)
    # What the pool says goes nowhere by default, or past all formatting.
    get_multiprocessing_logger().propagate = True
    get_multiprocessing_logger().setLevel(logging.WARNING)


def _start_unless_started(**_: Any) -> None:
    if not is_log_started():
        start("celery")
