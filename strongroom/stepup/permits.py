"""The permit that is in force: what the catalog calls before every commit, and what spends a step-up there.

Apart from `spending`: every process has the hook, few commands know what a step-up is.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from sqlalchemy.orm import Session

Spend = Callable[[Session], None]
"""Spends a permit in a transaction, unless that was done."""

_PERMIT: ContextVar[Spend | None] = ContextVar("strongroom_step_up", default=None)


@contextmanager
def in_force(spend: Spend) -> Iterator[None]:
    """Have every commit inside the block call `spend` first."""
    token = _PERMIT.set(spend)
    try:
        yield
    finally:
        _PERMIT.reset(token)


def spend_permit(session: Session) -> None:
    """Spend the step-up that permits what is about to be committed, if there is one that was not spent yet.

    Called by the catalog before every commit. Raises StepUpRefusedError, StepUpWaitingError.
    """
    spend = _PERMIT.get()
    if spend is not None:
        spend(session)
