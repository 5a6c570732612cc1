"""Who acts: bound for the length of a request, a command or a task; no database."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from strongroom.access.operation import Gravity
from strongroom.access.operations import OPERATIONS
from strongroom.access.principals import SYSTEM, Principal, PrincipalKind


@dataclass(frozen=True, slots=True)
class Actor:
    """Whoever acts, from where, and what they asked for."""

    kind: PrincipalKind
    id: str
    name: str
    address: str = ""
    operation: str = ""
    """The name in the table of operations; empty where nobody asked for one."""
    target: str = ""
    """What the operation is about, where that is known from the start."""
    request_id: str = ""
    trace_id: str = ""
    """The one of `tracing` is taken where this is empty."""

    @classmethod
    def of(cls, principal: Principal, operation: str = "", *, address: str = "", request_id: str = "") -> "Actor":
        """Return the actor that a principal is."""
        return cls(principal.kind, principal.id, principal.name, address, operation, request_id=request_id)


@dataclass(slots=True)
class Binding:
    """An actor, and how far the one act that it is bound for has come."""

    actor: Actor
    target: str
    recorded: bool = False
    """Whether a committed transaction has a row that says it was done."""

    @property
    def owes_a_row(self) -> bool:
        """Say whether the next change still has to be recorded: that of an operation which does more than read."""
        operation = OPERATIONS.get(self.actor.operation)
        return not self.recorded and operation is not None and operation.gravity is not Gravity.READ


STRONGROOM = Actor(SYSTEM.kind, SYSTEM.id, SYSTEM.name)
"""Who acts where nobody is bound."""

_BINDING: ContextVar[Binding | None] = ContextVar("strongroom_actor", default=None)


@contextmanager
def acting(actor: Actor) -> Iterator[None]:
    """Bind who acts for the length of a block; nested blocks restore the outer one.

    The first transaction inside that changes something leaves a row for the actor's operation, unless it has one of its
    own about something that was done.
    """
    token = _BINDING.set(Binding(actor, actor.target))
    try:
        yield
    finally:
        _BINDING.reset(token)


def find_actor() -> Actor | None:
    """Return who acts, where somebody is bound."""
    binding = _BINDING.get()
    return None if binding is None else binding.actor


def find_binding() -> Binding | None:
    """Return the binding itself, for whoever appends rows."""
    return _BINDING.get()


def name_target(target: str) -> None:
    """Say what the bound operation is about, where that becomes known on the way; without a binding it says nothing."""
    binding = _BINDING.get()
    if binding is not None:
        binding.target = target
