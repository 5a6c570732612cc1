"""The options of commands that start a job: wait for a worker, do not wait, or run the job in this process."""

from collections.abc import Callable
from enum import Enum
from pathlib import Path
from typing import Any, TypeVar

import click

FunctionT = TypeVar("FunctionT", bound=Callable[..., Any])


class Waiting(Enum):
    """What a command does after it has written the job down."""

    FOLLOW = "follow"
    LEAVE = "leave"
    HERE = "here"


def waiting_options_with(default: Waiting) -> Callable[[FunctionT], FunctionT]:
    """Give a command `--wait`, `--no-wait` and `--here`, one of them the default; `waiting` gets a Waiting."""
    modes = (
        ("--here", Waiting.HERE, "Run the job in this process, without a broker or workers"),
        ("--no-wait", Waiting.LEAVE, "Print the job's id and return at once"),
        ("--wait", Waiting.FOLLOW, "Follow the job until it has ended"),
    )

    def decorate(function: FunctionT) -> FunctionT:
        for name, mode, text in modes:
            said = f"{text} (the default)." if mode is default else f"{text}."
            option = click.option(name, "waiting", flag_value=mode, type=click.UNPROCESSED, default=default, help=said)
            function = option(function)
        return function

    return decorate


waiting_options = waiting_options_with(Waiting.FOLLOW)
"""Gives a command the three options; without one it waits for a worker."""


def paging_options(function: FunctionT) -> FunctionT:
    """Give a command `--limit` and `--cursor`."""
    limit = click.option("--limit", type=click.IntRange(1, 500), default=50, show_default=True, help="Rows to show.")
    cursor = click.option("--cursor", help="Go on after the page that named this cursor.")
    return limit(cursor(function))


def recovery_option(function: FunctionT) -> FunctionT:
    """Give a command `--recovery-key-file`; the parameter `recovery_key_file` gets a path or None."""
    return click.option(
        "--recovery-key-file",
        type=click.Path(dir_okay=False, path_type=Path),
        help="Open backups with the recovery key in this file instead of the regions' keys.",
    )(function)
