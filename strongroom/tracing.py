"""The ids that tie a request, its job, its attempts and its log lines together.

They belong to the thread or the coroutine that works; threads that it starts get them by `same_ids` and `carried`.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import ParamSpec, TypedDict, TypeVar, Unpack

ParametersT = ParamSpec("ParametersT")
ResultT = TypeVar("ResultT")

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Ids:
    """What the present work belongs to. A trace id is 32 lowercase hex digits, the same from request to last copy."""

    trace_id: str | None = None
    request_id: str | None = None
    job_id: str | None = None
    task_id: str | None = None
    user_id: str | None = None
    username: str | None = None
    """Who asked: the login of an operator, the name of a service token, or the user of a machine and its host."""
    span: object | None = field(default=None, compare=False)
    """The span that lasts, where spans are recorded: `spans` knows what it is."""


class _Changes(TypedDict, total=False):
    trace_id: str | None
    request_id: str | None
    job_id: str | None
    task_id: str | None
    user_id: str | None
    username: str | None
    span: object | None


NOTHING = Ids()
_ids: ContextVar[Ids] = ContextVar("strongroom_ids", default=NOTHING)


def get_ids() -> Ids:
    """Return what the present work belongs to."""
    return _ids.get()


def get_trace_id() -> str | None:
    """Return the trace id of the current request or task, 32 lowercase hex digits, if there is one."""
    return _ids.get().trace_id


def get_request_id() -> str | None:
    """Return the id of the request that is answered, or that led to the current job, if there is one."""
    return _ids.get().request_id


def is_trace_id(text: object) -> bool:
    """Say whether this is a trace id as it is kept: 32 lowercase hex digits, not all zero."""
    return isinstance(text, str) and _TRACE_ID.fullmatch(text) is not None


def set_ids(ids: Ids) -> None:
    """Replace all ids, where work begins and ends in two different calls; everywhere else `bind` puts them back."""
    _ids.set(ids)


def note_user(user_id: str, username: str) -> None:
    """Add who asks, once that is known; it holds until the request is over, and says nothing outside of one."""
    if _ids.get().request_id is not None:
        _ids.set(replace(_ids.get(), user_id=user_id, username=username))


@contextmanager
def bind(**changes: Unpack[_Changes]) -> Iterator[None]:
    """Change some of the ids for the length of a block; nested blocks restore the outer ones."""
    token = _ids.set(replace(_ids.get(), **changes))
    try:
        yield
    finally:
        _ids.reset(token)


def trace(trace_id: str | None) -> AbstractContextManager[None]:
    """Bind a trace id for the length of a block."""
    return bind(trace_id=trace_id)


def same_ids() -> Callable[[], None]:
    """Return what has another thread work under the ids that hold now, for whatever starts a pool of them."""
    ids = _ids.get()
    return lambda: set_ids(ids)


def carried(work: Callable[ParametersT, ResultT]) -> Callable[ParametersT, ResultT]:
    """Return the same work, done under the ids that hold now, for another thread to do."""
    ids = _ids.get()

    def under_the_same_ids(*arguments: ParametersT.args, **options: ParametersT.kwargs) -> ResultT:
        token = _ids.set(ids)
        try:
            return work(*arguments, **options)
        finally:
            _ids.reset(token)

    return under_the_same_ids
