"""Who gives a command and what it is about, for the audit log; what it changes leaves a row there."""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

import click

from strongroom.access.principals import PrincipalKind
from strongroom.audit.acting import Actor, Binding, acting, find_actor, find_binding, get_binding
from strongroom.cli.actor import actor
from strongroom.clock import system_random
from strongroom.errors import NotAllowedError, StrongroomError
from strongroom.tracing import bind, get_request_id, note_user

if TYPE_CHECKING:
    from strongroom.audit.events import AuditEvent, Outcome
    from strongroom.catalog.session import Catalog
    from strongroom.cli.invocation import Invocation

log = logging.getLogger(__name__)

COMMAND = "cli: "
"""How operations begin that are commands, in the table of operations."""


@contextmanager
def acting_locally(context: click.Context) -> Iterator[None]:
    """Have whoever gives a command act for the length of a block; its operation is that of the table."""
    words = context.command_path.split()[1:]
    named = [context.params.get(str(one.name)) for one in context.command.params if isinstance(one, click.Argument)]
    target = " ".join(str(value) for value in named if isinstance(value, str))
    # The ids that jobs of this command, and rows and lines about them, have too.
    ids = bind(trace_id=system_random(16).hex(), request_id=system_random(16).hex())
    with ids, acting(replace(local_user(), operation=f"{COMMAND}{' '.join(words)}", target=target)):
        note_user(str(os.getuid()), actor())
        try:
            yield
        except StrongroomError as error:
            _leave_where_nothing_was_opened(context.obj, error)
            raise
        _leave_where_nothing_was_opened(context.obj)


def _leave_where_nothing_was_opened(invocation: "Invocation | None", failed: StrongroomError | None = None) -> None:
    """Leave a row for what opened no catalog, or failed before, where there is an installation that has a log."""
    if invocation is None or not get_binding().owes_a_row:
        return
    from sqlalchemy.exc import SQLAlchemyError

    from strongroom.settings import ConfigError, ConfigNotFoundError

    try:
        # Leaves the row when it is closed.
        with invocation.services():
            if failed is not None:
                raise failed
    except (ConfigNotFoundError, ConfigError):
        return
    except (StrongroomError, SQLAlchemyError) as error:
        if error is failed:
            return
        log.warning("%s is not in the audit log: %s", get_binding().actor.operation, type(error).__name__)


def local_user() -> Actor:
    """Return the user of this machine whose process this is."""
    return Actor(PrincipalKind.LOCAL, str(os.getuid()), actor(), request_id=get_request_id() or "")


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


def only_looks() -> None:
    """Owe no row: this call of a command that can change something looks at it alone."""
    if (binding := find_binding()) is not None:
        binding.recorded = True


def announce(catalog: "Catalog") -> None:
    """Leave a row that says that the bound command begins, where what it changes is in no transaction."""
    from strongroom.audit.events import Outcome

    if (binding := find_binding()) is not None:
        _write(catalog, binding, Outcome.BEGUN)


@contextmanager
def ending_row(catalog: "Catalog", *, last: bool) -> Iterator[None]:
    """Have a row left of what became of something announced, unless a transaction inside the block has left one.

    `last` says that the bound command has nothing else to leave a row about.
    """
    from strongroom.audit.events import Outcome

    binding = find_binding()
    if binding is None:
        yield
        return
    recorded = binding.recorded
    try:
        yield
    except BaseException as error:
        outcome = Outcome.REFUSED if isinstance(error, NotAllowedError) else Outcome.FAILED
        _write(catalog, binding, outcome, error.code if isinstance(error, StrongroomError) else type(error).__name__)
        binding.recorded = True
        raise
    if binding.recorded == recorded:
        _write(catalog, binding, Outcome.DONE)
        binding.recorded = recorded or last
    if not last:
        # What follows has a row that tells of itself.
        binding.action = binding.reason = binding.before = binding.after = ""


def _leave(catalog: "Catalog", outcome: "Outcome", reason: str = "") -> None:
    binding: Binding | None = find_binding()
    if binding is None or not binding.owes_a_row:
        return
    binding.recorded = True
    _write(catalog, binding, outcome, reason)


def _write(catalog: "Catalog", binding: Binding, outcome: "Outcome", reason: str = "") -> None:
    from strongroom.audit.recording import act_of

    leave_at_once(catalog, act_of(binding, outcome, reason))


def leave_at_once(catalog: "Catalog", event: "AuditEvent") -> None:
    """Leave a row now, in a transaction of its own; where that fails, the log says so and the command goes on."""
    from sqlalchemy.exc import SQLAlchemyError

    from strongroom.audit.recording import record_alone

    try:
        record_alone(catalog, event)
    except (StrongroomError, SQLAlchemyError) as error:
        operation = "" if (who := find_actor()) is None else who.operation
        log.warning("%s is not in the audit log: %s", operation, type(error).__name__)
