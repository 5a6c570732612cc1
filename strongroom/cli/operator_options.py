"""The options that say which operators stand behind a command.

Apart from `stepping_up`: a group may have one command that destroys, and the others need nothing of that.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import wraps
from typing import Any

import click


@dataclass(frozen=True, slots=True)
class OperatorOptions:
    """Who stands behind a command, as the command line says it."""

    operator: str | None
    second: str | None
    step_up: str | None


def operator_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the options that say which operators stand behind it, as one argument `persons`."""

    # Options that the command has already stay with it.
    @wraps(command)
    def with_persons(*args: Any, operator: str | None, second: str | None, step_up: str | None, **kwargs: Any) -> Any:
        return command(*args, persons=OperatorOptions(operator, second, step_up), **kwargs)

    options = (
        click.option("--as", "operator", metavar="OPERATOR", help="Whose code is asked for, or read from stdin."),
        click.option("--second", metavar="OPERATOR", help="Whose code approves it, where two are needed."),
        click.option("--step-up", metavar="ID", help="Go on with a step-up that waited."),
    )
    function: Callable[..., Any] = with_persons
    for option in reversed(options):
        function = option(function)
    return function
