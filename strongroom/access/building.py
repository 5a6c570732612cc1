"""Short ways to write rows of the table."""

from strongroom.access.operation import Gravity, Operation, SourceIn
from strongroom.access.principals import Role, Scope


def read(name: str, area: str, role: Role = Role.VIEWER, *, source_in: SourceIn = SourceIn.NOWHERE) -> Operation:
    """Return a row of what only looks."""
    return Operation(name, role, Scope.READ, Gravity.READ, area=area, source_in=source_in)


def run(name: str, area: str, *, source_in: SourceIn = SourceIn.NOWHERE) -> Operation:
    """Return a row of what makes work and harms nothing."""
    return Operation(name, Role.OPERATOR, Scope.RUN, Gravity.RUN, area=area, source_in=source_in)


def change(name: str, area: str, *, source_in: SourceIn = SourceIn.NOWHERE) -> Operation:
    """Return a row of what changes how the installation works."""
    return Operation(name, Role.OPERATOR, Scope.CHANGE, Gravity.CHANGE, area=area, source_in=source_in)


def guarded(name: str, role: Role = Role.ADMIN) -> Operation:
    """Return a row of a change that no service token may make."""
    return Operation(name, role, None, Gravity.CHANGE)


def destroy(name: str, role: Role = Role.ADMIN, *, second_person: bool = False, delay: bool = False) -> Operation:
    """Return a row of what cannot be undone."""
    return Operation(name, role, None, Gravity.DESTROY, second_person, delay)


def public(name: str, why: str) -> Operation:
    """Return a row of what everybody may call."""
    return Operation(name, Role.VIEWER, None, Gravity.READ, public=why)


def own(name: str, *, enrolling: bool = False) -> Operation:
    """Return a row of what every operator may do with their own session and factor, and no service token."""
    return Operation(name, Role.VIEWER, None, Gravity.READ, enrolling=enrolling)
