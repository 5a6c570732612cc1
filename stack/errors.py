"""What can keep the stack from starting."""

from strongroom.errors import ConflictError, StrongroomError, UnavailableError


class PortTakenError(ConflictError):
    """Another program listens on a port that the stack needs."""

    code = "stack.port_taken"


class SetUpError(StrongroomError):
    """The installation could not be set up."""

    code = "stack.set_up"


class NotReadyError(UnavailableError):
    """A process of the stack did not become ready in time."""

    code = "stack.not_ready"


class NotRunningError(UnavailableError):
    """The stack is not running."""

    code = "stack.not_running"
