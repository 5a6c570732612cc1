"""Who gives a command and what it is about, for the audit log; what it changes leaves a row there."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from strongroom.access.principals import PrincipalKind
from strongroom.audit.acting import Actor, Binding, acting, find_binding, get_binding
from strongroom.cli.actor import actor
from strongroom.errors import NotAllowedError, StrongroomError

if TYPE_CHECKING:
    from strongroom.audit.events import Outcome
    from strongroom.catalog.session import Catalog
    from strongroom.cli.invocation import Invocation

log = logging.getLogger(__name__)


@contextmanager
def acting_locally(context: click.Context) -> Iterator[None]:
    """Have whoever gives a command act for the length of a block; its operation is that of the table."""
    words = context.command_path.split()[1:]
    named = [context.params.get(str(one.name)) for one in context.command.params if isinstance(one, click.Argument)]
    target = " ".join(str(value) for value in named if isinstance(value, str))
    with acting(replace(local_user(), operation=f"cli: {' '.join(words)}", target=target)):
        yield
        _leave_where_nothing_was_opened(context.obj)


def _leave_where_nothing_was_opened(invocation: "Invocation | None") -> None:
    """Leave a row for what changed files alone, where there is an installation that has a log."""
    if invocation is None or not get_binding().owes_a_row:
        return
    from sqlalchemy.exc import SQLAlchemyError

    from strongroom.settings import ConfigNotFoundError

    try:
        # Leaves the row when it is closed.
        with invocation.services():
            return
    except ConfigNotFoundError:
        return
    except (StrongroomError, SQLAlchemyError) as error:
        log.warning("%s is not in the audit log: %s", get_binding().actor.operation, type(error).__name__)


def local_user() -> Actor:
    """Return the user of this machine whose process this is."""
    return Actor(PrincipalKind.LOCAL, str(os.getuid()), actor())


@contextmanager
def leaving_a_row(catalog: "Catalog") -> Iterator[None]:
    """Have a row left for the command that is bound, also where it changes no row, is refused or fails."""
    # Not above: the top of the program needs nothing of a database.
    from strongroom.audit.events import Outcome

    try:
        yield
    except StrongroomError as error:
        outcome = Outcome.REFUSED if isinstance(error, NotAllowedError) else Outcome.FAILED
        _leave(catalog, outcome, error.code)
        raise
    _leave(catalog, Outcome.DONE)


def _leave(catalog: "Catalog", outcome: "Outcome", reason: str = "") -> None:
    from sqlalchemy.exc import SQLAlchemyError

    from strongroom.audit.recording import act_of, record_alone

    binding: Binding | None = find_binding()
    if binding is None or not binding.owes_a_row:
        return
    binding.recorded = True
    try:
        record_alone(catalog, act_of(binding, outcome, reason))
    except (StrongroomError, SQLAlchemyError) as error:
        log.warning("%s is not in the audit log: %s", binding.actor.operation, type(error).__name__)
