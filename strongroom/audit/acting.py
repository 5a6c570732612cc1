"""Who acts: bound for the length of a request, a command or a task; no database."""

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace

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
    action: str = ""
    """What the row about the operation is called, where that is not the operation's own name."""
    reason: str = ""
    before: str = ""
    after: str = ""
    """What the row about the operation says besides; see AuditEvent."""

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
    """Bind who acts for the length of a block; a nested block for the same operation goes on with the same act.

    The first transaction inside that changes something leaves a row for the actor's operation, unless it has one of its
    own about something that was done.
    """
    binding, outer = Binding(actor, actor.target), _BINDING.get()
    # A block may find out who acts; it is the same act all the same.
    same = outer is not None and outer.actor.operation == actor.operation != ""
    if outer is not None and same:
        binding = replace(outer, actor=actor)
    token = _BINDING.set(binding)
    try:
        yield
    finally:
        _BINDING.reset(token)
        if outer is not None and same:
            outer.recorded = binding.recorded


def find_actor() -> Actor | None:
    """Return who acts, where somebody is bound."""
    binding = _BINDING.get()
    return None if binding is None else binding.actor


def find_binding() -> Binding | None:
    """Return the binding itself, for whoever appends rows."""
    return _BINDING.get()


def get_binding() -> Binding:
    """Return the binding itself, inside a block of `acting`; raises LookupError anywhere else."""
    binding = _BINDING.get()
    if binding is None:
        raise LookupError("nobody is bound to act here")
    return binding


def become(actor: Actor) -> None:
    """Say who acts, where that becomes known inside the block that is bound; without a binding it says nothing."""
    binding = _BINDING.get()
    if binding is not None:
        binding.actor, binding.target = actor, actor.target


def describe(target: str | None = None, *, reason: str = "", before: str = "", after: str = "") -> None:
    """Say what the row about the bound operation tells besides: its target, why, and digests of what it changes.

    What was said before stays where nothing is said now. Without a binding it says nothing.
    """
    binding = _BINDING.get()
    if binding is None:
        return
    binding.target = binding.target if target is None else target
    binding.reason = "; ".join(filter(None, (binding.reason, reason)))
    binding.before, binding.after = before or binding.before, after or binding.after


def name_act(action: str) -> None:
    """Say by which name the row about the bound operation is searched for; without a binding it says nothing."""
    binding = _BINDING.get()
    if binding is not None:
        binding.action = action


def describe_shortly(target: str, reason: str) -> None:
    """Say it where nothing is said yet: an act of many parts is told by its first."""
    binding = _BINDING.get()
    if binding is not None and not binding.reason:
        describe(binding.target or target, reason=reason)
