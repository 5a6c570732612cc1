"""What can be wrong with the id of a trace."""

from strongroom.errors import InvalidInputError, NotFoundError


class TraceIdError(InvalidInputError):
    """This is the id of neither a trace nor a request: 32 hex digits, with or without dashes."""

    code = "traces.invalid_id"


class TraceNotFoundError(NotFoundError):
    """Nothing that is kept belongs to this trace or request."""

    code = "traces.not_found"
